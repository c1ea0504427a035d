use std::marker::PhantomData;
use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::os::raw::{c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use vcpusnap_sys as sys;

use crate::{checked, made, Policy, Report, Result, Snapshot};

/// An error number as KVM would return it; `ENOENT` for a register that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

/// A place where registers live, for any hypervisor or transport. Values are little-endian.
pub trait Bank {
    /// The argument of `KVM_CREATE_VCPU`.
    fn index(&self) -> u32;
    /// The ids of its registers.
    ///
    /// # Errors
    /// Where it cannot tell.
    fn list(&mut self) -> std::result::Result<Vec<u64>, Errno>;
    /// Reads a register into all of `value`.
    ///
    /// # Errors
    /// As KVM's.
    fn read(&mut self, id: u64, value: &mut [u8]) -> std::result::Result<(), Errno>;
    /// Writes a register.
    ///
    /// # Errors
    /// As KVM's.
    fn write(&mut self, id: u64, value: &[u8]) -> std::result::Result<(), Errno>;
}

type BoxedBank<'a> = Box<dyn Bank + 'a>;

/// Calls a bank of a context; a panic stays here, and is an `EIO` there.
///
/// # Safety
/// The context is that of a machine that lives.
unsafe fn answered(
    context: *mut c_void, call: impl FnOnce(&mut BoxedBank<'_>) -> std::result::Result<(), Errno>,
) -> c_int {
    const EIO: i32 = 5;
    let bank = &mut *context.cast::<BoxedBank<'_>>();
    match catch_unwind(AssertUnwindSafe(|| call(bank))) {
        Ok(Ok(())) => 0,
        Ok(Err(Errno(0))) | Err(_) => EIO,
        Ok(Err(Errno(number))) => number,
    }
}

unsafe extern "C" fn list(context: *mut c_void, ids: *mut u64, capacity: usize, count: *mut usize) -> c_int {
    answered(context, |bank| {
        let listed = bank.list()?;
        ptr::copy_nonoverlapping(listed.as_ptr(), ids, listed.len().min(capacity));
        *count = listed.len();
        Ok(())
    })
}

unsafe extern "C" fn read(context: *mut c_void, id: u64, value: *mut c_void, size: usize) -> c_int {
    answered(context, |bank| bank.read(id, std::slice::from_raw_parts_mut(value.cast(), size)))
}

unsafe extern "C" fn write(context: *mut c_void, id: u64, value: *const c_void, size: usize) -> c_int {
    answered(context, |bank| bank.write(id, std::slice::from_raw_parts(value.cast(), size)))
}

fn c_bank(bank: &mut BoxedBank<'_>) -> sys::vcpusnap_bank {
    let index = bank.index();
    let context = (bank as *mut BoxedBank<'_>).cast();
    sys::vcpusnap_bank { context, index, list: Some(list), read: Some(read), write: Some(write) }
}

/// A vCPU of KVM, as its VMM made it.
#[derive(Debug, Clone, Copy)]
pub struct Vcpu<'a> {
    /// What `KVM_CREATE_VCPU` returned.
    pub fd: BorrowedFd<'a>,
    /// The argument of `KVM_CREATE_VCPU`.
    pub index: u32,
    /// `target` of the `struct kvm_vcpu_init` that `KVM_ARM_VCPU_INIT` took.
    pub target: u32,
    /// `features[0]` of it.
    pub features: u32,
}

/// An interrupt controller of KVM, which is initialized.
#[derive(Debug, Clone, Copy)]
pub enum InterruptController<'a> {
    /// A GICv2.
    V2(BorrowedFd<'a>),
    /// A GICv3, with its ITSs in the order in which they were made.
    V3(BorrowedFd<'a>, &'a [BorrowedFd<'a>]),
}

/// A VM whose registers are read and written. Its vCPUs do not run meanwhile.
pub struct Machine<'a> {
    handle: *mut sys::vcpusnap_machine,
    _vcpus: Vec<BoxedBank<'a>>,
    _vm: Option<Box<BoxedBank<'a>>>,
    _lent: PhantomData<BorrowedFd<'a>>,
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is this object's own.
        unsafe { sys::vcpusnap_machine_destroy(self.handle) }
    }
}

impl<'a> Machine<'a> {
    /// Makes a machine of the descriptors of a VMM; its vCPUs are all of the VM's, in ascending order.
    ///
    /// # Errors
    /// For what is no VM or vCPU of KVM, and for a vCPU that is not initialized.
    pub fn borrowing(
        vm: BorrowedFd<'a>, vcpus: &[Vcpu<'a>], controller: Option<InterruptController<'a>>,
    ) -> Result<Machine<'a>> {
        let vcpus: Vec<_> = vcpus
            .iter()
            .map(|vcpu| sys::vcpusnap_vcpu {
                fd: vcpu.fd.as_raw_fd(),
                index: vcpu.index,
                target: vcpu.target,
                features: vcpu.features,
            })
            .collect();
        let (gic, gic_fd, translators): (_, _, &[BorrowedFd<'_>]) = match controller {
            None => (0, -1, &[]),
            Some(InterruptController::V2(gic)) => (5, gic.as_raw_fd(), &[]),
            Some(InterruptController::V3(gic, translators)) => (7, gic.as_raw_fd(), translators),
        };
        let its: Vec<_> = translators.iter().map(AsRawFd::as_raw_fd).collect();
        let options = sys::vcpusnap_machine_options {
            size: std::mem::size_of::<sys::vcpusnap_machine_options>(),
            vm_fd: vm.as_raw_fd(),
            gic,
            gic_fd,
            vcpus: vcpus.as_ptr(),
            vcpu_count: vcpus.len(),
            its_fds: its.as_ptr(),
            its_count: its.len(),
            ruled_out: 0,
        };
        // SAFETY: what the options point to lives during the call, and the descriptors as long as the machine.
        let handle = made(|object, error| unsafe { sys::vcpusnap_machine_create(&options, object, error) })?;
        Ok(Machine { handle, _vcpus: Vec::new(), _vm: None, _lent: PhantomData })
    }

    /// Makes a machine of banks: of its vCPUs, in ascending order of their index, and of what the VM has once.
    ///
    /// # Errors
    /// For banks in another order.
    pub fn of_banks(mut vcpus: Vec<BoxedBank<'a>>, vm: Option<BoxedBank<'a>>) -> Result<Machine<'a>> {
        let mut vm = vm.map(Box::new);
        let banks: Vec<_> = vcpus.iter_mut().map(c_bank).collect();
        let own = vm.as_mut().map(|bank| c_bank(bank));
        let own = own.as_ref().map_or(ptr::null(), |bank| bank as *const _);
        // SAFETY: the banks stay where they are as long as the machine lives.
        let handle = made(|object, error| unsafe {
            sys::vcpusnap_machine_create_from_banks(banks.as_ptr(), banks.len(), own, object, error)
        })?;
        Ok(Machine { handle, _vcpus: vcpus, _vm: vm, _lent: PhantomData })
    }

    /// Has KVM write what it keeps of LPIs and ITSs to the guest's memory.
    ///
    /// # Errors
    /// Where KVM refuses.
    pub fn save_tables(&mut self) -> Result<()> {
        // SAFETY: the handle is this object's own.
        checked(|error| unsafe { sys::vcpusnap_machine_save_tables(self.handle, error) })
    }

    /// Reads all registers.
    ///
    /// # Errors
    /// For one that is listed and cannot be read.
    pub fn save(&mut self) -> Result<Snapshot> {
        // SAFETY: the handle is this object's own.
        let handle = made(|object, error| unsafe { sys::vcpusnap_save(self.handle, object, error) })?;
        Ok(Snapshot { handle })
    }

    /// Finds what there is to be read, and takes the memory for it.
    ///
    /// # Errors
    /// As [`Machine::save`].
    pub fn prepare(&mut self) -> Result<Capture<'_>> {
        // SAFETY: the handle is this object's own.
        let handle = made(|object, error| unsafe { sys::vcpusnap_prepare(self.handle, object, error) })?;
        Ok(Capture { handle, _machine: PhantomData })
    }

    /// Writes a snapshot, and reads every register back.
    ///
    /// # Errors
    /// For another number of vCPUs, and while one runs; losses are told by the report.
    pub fn restore(&mut self, snapshot: &Snapshot, how: &Restore<'_>) -> Result<Report> {
        let (clock, clock_count) = match how.clock {
            Clock::Stop => (0, 0),
            Clock::Wall => (1, 0),
            Clock::Host => (2, 0),
            Clock::Count(count) => (3, count),
        };
        let options = sys::vcpusnap_restore_options {
            size: std::mem::size_of::<sys::vcpusnap_restore_options>(),
            policy: how.policy.map_or(ptr::null(), |policy| policy.handle as *const _),
            strict: how.strict.into(),
            clock,
            clock_count,
            has_tables: how.has_tables.into(),
            progress: None,
            progress_context: ptr::null_mut(),
        };
        // SAFETY: the handles are those of objects that live.
        let handle = made(|object, error| unsafe {
            sys::vcpusnap_restore(snapshot.handle, self.handle, &options, object, error)
        })?;
        Ok(Report { handle })
    }
}

/// How a restore is done; by default exact, with the clock going on where it was stopped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Restore<'a> {
    /// Which losses do not count; nothing for none.
    pub policy: Option<&'a Policy>,
    /// On a loss that counts, put back what was written.
    pub strict: bool,
    /// What becomes of the guest's clock.
    pub clock: Clock,
    /// The guest's memory is there again, with the tables of its ITSs.
    pub has_tables: bool,
}

/// What becomes of the guest's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The guest goes on where it was stopped.
    #[default]
    Stop,
    /// Its counters advance by the time that passed.
    Wall,
    /// Its counters are left to the host.
    Host,
    /// `CNTVCT_EL0` is this.
    Count(u64),
}

/// A capture that is prepared.
pub struct Capture<'a> {
    handle: *mut sys::vcpusnap_capture,
    _machine: PhantomData<&'a mut ()>,
}

impl Drop for Capture<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is this object's own.
        unsafe { sys::vcpusnap_capture_destroy(self.handle) }
    }
}

impl Capture<'_> {
    /// Reads all registers, while the guest stands still, and takes no memory.
    ///
    /// # Errors
    /// For a register that cannot be read.
    pub fn read(&mut self) -> Result<()> {
        // SAFETY: the handle is this object's own.
        checked(|error| unsafe { sys::vcpusnap_capture_read(self.handle, error) })
    }

    /// Makes a snapshot of what was read.
    ///
    /// # Errors
    /// Where nothing was read.
    pub fn finish(&mut self) -> Result<Snapshot> {
        // SAFETY: the handle is this object's own.
        let handle = made(|object, error| unsafe { sys::vcpusnap_capture_finish(self.handle, object, error) })?;
        Ok(Snapshot { handle })
    }
}
