//! The functions of libvcpusnap, by their names in `vcpusnap.h`, which says what they do.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_int, c_void};

macro_rules! opaque {
    ($($name:ident)*) => {$(
        /// An object of that name.
        #[repr(C)]
        pub struct $name {
            _private: [u8; 0],
        }
    )*};
}

opaque!(vcpusnap_machine vcpusnap_snapshot vcpusnap_capture vcpusnap_policy vcpusnap_report vcpusnap_host vcpusnap_difference);

/// `vcpusnap_status`.
pub type vcpusnap_status = u32;

#[repr(C)]
pub struct vcpusnap_error {
    pub status: vcpusnap_status,
    pub os_error: i32,
    pub register_id: u64,
    pub message: [c_char; 496],
}

#[repr(C)]
pub struct vcpusnap_vcpu {
    pub fd: i32,
    pub index: u32,
    pub target: u32,
    pub features: u32,
}

#[repr(C)]
pub struct vcpusnap_machine_options {
    pub size: usize,
    pub vm_fd: i32,
    pub gic: u32,
    pub gic_fd: i32,
    pub vcpus: *const vcpusnap_vcpu,
    pub vcpu_count: usize,
    pub its_fds: *const i32,
    pub its_count: usize,
    pub ruled_out: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct vcpusnap_bank {
    pub context: *mut c_void,
    pub index: u32,
    pub list: Option<unsafe extern "C" fn(*mut c_void, *mut u64, usize, *mut usize) -> c_int>,
    pub read: Option<unsafe extern "C" fn(*mut c_void, u64, *mut c_void, usize) -> c_int>,
    pub write: Option<unsafe extern "C" fn(*mut c_void, u64, *const c_void, usize) -> c_int>,
}

#[repr(C)]
pub struct vcpusnap_restore_options {
    pub size: usize,
    pub policy: *const vcpusnap_policy,
    pub strict: i32,
    pub clock: u32,
    pub clock_count: u64,
    pub has_tables: i32,
    pub progress: Option<unsafe extern "C" fn(*mut c_void, usize, usize) -> c_int>,
    pub progress_context: *mut c_void,
}

#[repr(C)]
pub struct vcpusnap_outcome {
    pub unit: i64,
    pub id: u64,
    pub name: *const c_char,
    pub result: u32,
    pub os_error: i32,
    pub is_loss: i32,
    pub wanted: *const c_void,
    pub found: *const c_void,
    pub value_size: usize,
    pub reason: *const c_char,
    pub pardon_rule: *const c_char,
    pub pardon_proof: *const c_char,
}

#[repr(C)]
pub struct vcpusnap_counter_difference {
    pub guest: u64,
    pub host: u64,
    pub is_loss: i32,
}

#[repr(C)]
pub struct vcpusnap_field_difference {
    pub name: *const c_char,
    pub wanted: u64,
    pub found: u64,
}

#[repr(C)]
pub struct vcpusnap_register_difference {
    pub unit: i64,
    pub id: u64,
    pub name: *const c_char,
    pub left: *const c_void,
    pub right: *const c_void,
    pub value_size: usize,
    pub is_volatile: i32,
}

extern "C" {
    pub fn vcpusnap_version() -> *const c_char;
    pub fn vcpusnap_machine_create(
        options: *const vcpusnap_machine_options, machine: *mut *mut vcpusnap_machine, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_machine_create_from_banks(
        vcpus: *const vcpusnap_bank, vcpu_count: usize, vm: *const vcpusnap_bank, machine: *mut *mut vcpusnap_machine,
        error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_machine_save_tables(machine: *mut vcpusnap_machine, error: *mut vcpusnap_error) -> vcpusnap_status;
    pub fn vcpusnap_machine_destroy(machine: *mut vcpusnap_machine);
    pub fn vcpusnap_save(
        machine: *mut vcpusnap_machine, snapshot: *mut *mut vcpusnap_snapshot, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_prepare(
        machine: *mut vcpusnap_machine, capture: *mut *mut vcpusnap_capture, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_capture_read(capture: *mut vcpusnap_capture, error: *mut vcpusnap_error) -> vcpusnap_status;
    pub fn vcpusnap_capture_finish(
        capture: *mut vcpusnap_capture, snapshot: *mut *mut vcpusnap_snapshot, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_capture_destroy(capture: *mut vcpusnap_capture);
    pub fn vcpusnap_snapshot_write_file(
        snapshot: *const vcpusnap_snapshot, path: *const c_char, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_write_fd(
        snapshot: *const vcpusnap_snapshot, fd: c_int, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_encode(
        snapshot: *mut vcpusnap_snapshot, bytes: *mut *const c_void, size: *mut usize, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_read_file(
        path: *const c_char, snapshot: *mut *mut vcpusnap_snapshot, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_read_fd(
        fd: c_int, snapshot: *mut *mut vcpusnap_snapshot, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_decode(
        bytes: *const c_void, size: usize, snapshot: *mut *mut vcpusnap_snapshot, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_destroy(snapshot: *mut vcpusnap_snapshot);
    pub fn vcpusnap_snapshot_vcpu_count(snapshot: *const vcpusnap_snapshot) -> usize;
    pub fn vcpusnap_snapshot_vcpu_index(snapshot: *const vcpusnap_snapshot, position: usize) -> i64;
    pub fn vcpusnap_snapshot_register_count(snapshot: *const vcpusnap_snapshot, unit: i64) -> usize;
    pub fn vcpusnap_snapshot_register_id(snapshot: *const vcpusnap_snapshot, unit: i64, position: usize) -> u64;
    pub fn vcpusnap_snapshot_get(
        snapshot: *const vcpusnap_snapshot, unit: i64, id: u64, value: *mut c_void, size: usize, length: *mut usize,
        error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_set(
        snapshot: *mut vcpusnap_snapshot, unit: i64, id: u64, value: *const c_void, size: usize,
        error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_snapshot_get_provenance(
        snapshot: *const vcpusnap_snapshot, key: *const c_char,
    ) -> *const c_char;
    pub fn vcpusnap_snapshot_set_provenance(
        snapshot: *mut vcpusnap_snapshot, key: *const c_char, value: *const c_char, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_policy_create(
        preset_or_text: *const c_char, policy: *mut *mut vcpusnap_policy, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_policy_destroy(policy: *mut vcpusnap_policy);
    pub fn vcpusnap_restore(
        snapshot: *const vcpusnap_snapshot, machine: *mut vcpusnap_machine, options: *const vcpusnap_restore_options,
        report: *mut *mut vcpusnap_report, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_report_is_complete(report: *const vcpusnap_report) -> c_int;
    pub fn vcpusnap_report_loss_count(report: *const vcpusnap_report) -> usize;
    pub fn vcpusnap_report_is_undone(report: *const vcpusnap_report) -> c_int;
    pub fn vcpusnap_report_counter(
        report: *const vcpusnap_report, difference: *mut vcpusnap_counter_difference,
    ) -> c_int;
    pub fn vcpusnap_report_next(report: *mut vcpusnap_report, outcome: *mut vcpusnap_outcome) -> c_int;
    pub fn vcpusnap_report_next_field(
        report: *mut vcpusnap_report, difference: *mut vcpusnap_field_difference,
    ) -> c_int;
    pub fn vcpusnap_report_json(report: *mut vcpusnap_report) -> *const c_char;
    pub fn vcpusnap_report_destroy(report: *mut vcpusnap_report);
    pub fn vcpusnap_host_record(host: *mut *mut vcpusnap_host, error: *mut vcpusnap_error) -> vcpusnap_status;
    pub fn vcpusnap_host_open(
        path_or_name: *const c_char, host: *mut *mut vcpusnap_host, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_host_text(host: *mut vcpusnap_host) -> *const c_char;
    pub fn vcpusnap_host_destroy(host: *mut vcpusnap_host);
    pub fn vcpusnap_plan(
        snapshot: *const vcpusnap_snapshot, host: *const vcpusnap_host, policy: *const vcpusnap_policy,
        report: *mut *mut vcpusnap_report, error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_compare(
        left: *const vcpusnap_snapshot, right: *const vcpusnap_snapshot, difference: *mut *mut vcpusnap_difference,
        error: *mut vcpusnap_error,
    ) -> vcpusnap_status;
    pub fn vcpusnap_difference_is_same(difference: *const vcpusnap_difference) -> c_int;
    pub fn vcpusnap_difference_next(
        difference: *mut vcpusnap_difference, entry: *mut vcpusnap_register_difference,
    ) -> c_int;
    pub fn vcpusnap_difference_destroy(difference: *mut vcpusnap_difference);
    pub fn vcpusnap_register_size(id: u64) -> usize;
    pub fn vcpusnap_register_name(id: u64, name: *mut c_char, size: usize) -> usize;
    pub fn vcpusnap_register_find(name: *const c_char, id: *mut u64, error: *mut vcpusnap_error) -> vcpusnap_status;
    pub fn vcpusnap_register_describe(
        id: u64, value: *const c_void, value_size: usize, text: *mut c_char, size: usize,
    ) -> usize;
}
