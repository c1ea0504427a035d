use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use vcpusnap_sys as sys;

use crate::{c_string, made, text, value, Result, Unit};

/// What becomes of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Written, and reads back as written.
    Restored,
    /// Held the value, and was not written.
    AlreadyEqual,
    /// The write was accepted and part of it took.
    Masked,
    /// The write was accepted, and it holds something else.
    Changed,
    /// The write was refused.
    Refused,
    /// There is no such register.
    Absent,
    /// Only the destination has it.
    NotInSnapshot,
    /// The same of one that no vCPU can do without.
    Missing,
    /// Moves by itself.
    Volatile,
    /// Left out on purpose.
    Skipped,
    /// One that this crate does not know.
    Other,
}

impl Outcome {
    fn of(result: u32) -> Outcome {
        use Outcome::*;
        let all = [
            Restored, AlreadyEqual, Masked, Changed, Refused, Absent, NotInSnapshot, Missing, Volatile, Skipped,
        ];
        all.get(result as usize).copied().unwrap_or(Other)
    }
}

/// The account of one register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterOutcome {
    /// Whose register it is.
    pub unit: Unit,
    /// The register.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The errno of a refusal.
    pub os_error: Option<i32>,
    /// Whether state of the guest is lost, and the policy does not pardon it.
    pub is_loss: bool,
    /// What was to be restored, little-endian.
    pub wanted: Option<Vec<u8>>,
    /// What the register holds now.
    pub found: Option<Vec<u8>>,
    /// Why, in words.
    pub reason: Option<String>,
    /// The rule of the policy that pardons the loss.
    pub pardon_rule: Option<String>,
    /// The proof that the guest cannot see it.
    pub pardon_proof: Option<String>,
}

/// What became of every register, in a restore or in a plan of one.
#[derive(Debug)]
pub struct Report {
    pub(crate) handle: *mut sys::vcpusnap_report,
}

// SAFETY: nothing is shared with other objects.
unsafe impl Send for Report {}

impl Drop for Report {
    fn drop(&mut self) {
        // SAFETY: the handle is this object's own.
        unsafe { sys::vcpusnap_report_destroy(self.handle) }
    }
}

// In all of this the handle is this object's own.
impl Report {
    /// Whether nothing was lost but what the policy pardons.
    pub fn is_complete(&self) -> bool {
        unsafe { sys::vcpusnap_report_is_complete(self.handle) != 0 }
    }

    /// How many registers were lost that the policy does not pardon.
    pub fn loss_count(&self) -> usize {
        unsafe { sys::vcpusnap_report_loss_count(self.handle) }
    }

    /// Whether a strict restore lost something, and put everything back.
    pub fn is_undone(&self) -> bool {
        unsafe { sys::vcpusnap_report_is_undone(self.handle) != 0 }
    }

    /// The account of each register, by unit and id.
    pub fn outcomes(&mut self) -> Vec<RegisterOutcome> {
        let mut entry = unsafe { std::mem::zeroed::<sys::vcpusnap_outcome>() };
        let mut result = Vec::new();
        while unsafe { sys::vcpusnap_report_next(self.handle, &mut entry) } != 0 {
            // SAFETY: what the entry points to lives until the next one is asked for.
            result.push(unsafe {
                RegisterOutcome {
                    unit: Unit::of(entry.unit),
                    id: entry.id,
                    name: text(entry.name).unwrap_or_default(),
                    outcome: Outcome::of(entry.result),
                    os_error: Some(entry.os_error).filter(|number| *number != 0),
                    is_loss: entry.is_loss != 0,
                    wanted: value(entry.wanted, entry.value_size),
                    found: value(entry.found, entry.value_size),
                    reason: text(entry.reason),
                    pardon_rule: text(entry.pardon_rule),
                    pardon_proof: text(entry.pardon_proof),
                }
            });
        }
        result
    }

    /// The whole report as JSON (`Formats/json-output.md`).
    pub fn json(&mut self) -> String {
        unsafe { text(sys::vcpusnap_report_json(self.handle)) }.unwrap_or_default()
    }
}

/// Which losses do not count.
#[derive(Debug)]
pub struct Policy {
    pub(crate) handle: *mut sys::vcpusnap_policy,
}

// SAFETY: nothing is shared with other objects, and nothing in it changes.
unsafe impl Send for Policy {}
unsafe impl Sync for Policy {}

impl Policy {
    /// Makes a policy of a preset's name, `exact`, `safe` or `force`, or of the text of a policy's file.
    ///
    /// # Errors
    /// With the line that is wrong.
    pub fn new(preset_or_text: &str) -> Result<Policy> {
        let given = c_string(preset_or_text)?;
        // SAFETY: all pointers are of this function.
        let handle = made(|object, error| unsafe { sys::vcpusnap_policy_create(given.as_ptr(), object, error) })?;
        Ok(Policy { handle })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        // SAFETY: the handle is this object's own.
        unsafe { sys::vcpusnap_policy_destroy(self.handle) }
    }
}

/// What is known of a host's KVM.
#[derive(Debug)]
pub struct Host {
    pub(crate) handle: *mut sys::vcpusnap_host,
}

// SAFETY: nothing is shared with other objects.
unsafe impl Send for Host {}

impl Host {
    /// Reads a profile's file, or takes a built-in one by its name.
    ///
    /// # Errors
    /// Where there is neither.
    pub fn open(path_or_name: impl AsRef<Path>) -> Result<Host> {
        let given = c_string(path_or_name.as_ref().as_os_str().as_bytes())?;
        // SAFETY: all pointers are of this function.
        let handle = made(|object, error| unsafe { sys::vcpusnap_host_open(given.as_ptr(), object, error) })?;
        Ok(Host { handle })
    }

    /// Records this machine's, by trying it out on VMs of its own.
    ///
    /// # Errors
    /// Where it has no KVM.
    pub fn record() -> Result<Host> {
        // SAFETY: all pointers are of this function.
        let handle = made(|object, error| unsafe { sys::vcpusnap_host_record(object, error) })?;
        Ok(Host { handle })
    }

    /// The text of the profile's file.
    pub fn text(&mut self) -> String {
        // SAFETY: the handle is this object's own.
        unsafe { text(sys::vcpusnap_host_text(self.handle)) }.unwrap_or_default()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: the handle is this object's own.
        unsafe { sys::vcpusnap_host_destroy(self.handle) }
    }
}
