use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use vcpusnap_sys as sys;

use crate::{c_string, checked, made, text, value, Host, Policy, Report, Result};

/// Whose registers are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// What the VM has once.
    Vm,
    /// The vCPU of this number.
    Vcpu(u32),
}

impl Unit {
    pub(crate) fn number(self) -> i64 {
        match self {
            Unit::Vm => -1,
            Unit::Vcpu(index) => index.into(),
        }
    }

    pub(crate) fn of(number: i64) -> Unit {
        u32::try_from(number).map_or(Unit::Vm, Unit::Vcpu)
    }
}

/// The state of a VM and its vCPUs, in memory. It holds secrets of the guest.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) handle: *mut sys::vcpusnap_snapshot,
}

// SAFETY: nothing is shared with other objects; `Sync` it is not, since it keeps what it was asked for.
unsafe impl Send for Snapshot {}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // SAFETY: the handle is this object's own.
        unsafe { sys::vcpusnap_snapshot_destroy(self.handle) }
    }
}

// In all of this the handle is this object's own, and pointers are of the function that passes them.
impl Snapshot {
    /// Reads a file: a snapshot, or a QEMU stream.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged.
    pub fn read(path: impl AsRef<Path>) -> Result<Snapshot> {
        let path = c_string(path.as_ref().as_os_str().as_bytes())?;
        let handle = made(|object, error| unsafe { sys::vcpusnap_snapshot_read_file(path.as_ptr(), object, error) })?;
        Ok(Snapshot { handle })
    }

    /// Reads a snapshot from a descriptor up to its end.
    ///
    /// # Errors
    /// As [`Snapshot::read`].
    pub fn read_from(file: BorrowedFd<'_>) -> Result<Snapshot> {
        let handle = made(|object, error| unsafe { sys::vcpusnap_snapshot_read_fd(file.as_raw_fd(), object, error) })?;
        Ok(Snapshot { handle })
    }

    /// Reads a snapshot from memory.
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Snapshot> {
        let handle = made(|object, error| unsafe {
            sys::vcpusnap_snapshot_decode(bytes.as_ptr().cast(), bytes.len(), object, error)
        })?;
        Ok(Snapshot { handle })
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// For a snapshot that the format cannot hold.
    pub fn encode(&mut self) -> Result<&[u8]> {
        let (mut start, mut size) = (ptr::null(), 0);
        checked(|error| unsafe { sys::vcpusnap_snapshot_encode(self.handle, &mut start, &mut size, error) })?;
        Ok(unsafe { std::slice::from_raw_parts(start.cast(), size) })
    }

    /// Writes its file, whole or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = c_string(path.as_ref().as_os_str().as_bytes())?;
        checked(|error| unsafe { sys::vcpusnap_snapshot_write_file(self.handle, path.as_ptr(), error) })
    }

    /// Writes the same bytes to a descriptor, which can be a pipe or a socket.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write_to(&self, file: BorrowedFd<'_>) -> Result<()> {
        checked(|error| unsafe { sys::vcpusnap_snapshot_write_fd(self.handle, file.as_raw_fd(), error) })
    }

    /// The numbers of its vCPUs, ascending.
    pub fn vcpus(&self) -> Vec<u32> {
        let count = unsafe { sys::vcpusnap_snapshot_vcpu_count(self.handle) };
        (0..count)
            .filter_map(|place| unsafe { sys::vcpusnap_snapshot_vcpu_index(self.handle, place) }.try_into().ok())
            .collect()
    }

    /// The ids of a unit's registers, ascending.
    pub fn ids(&self, unit: Unit) -> Vec<u64> {
        let count = unsafe { sys::vcpusnap_snapshot_register_count(self.handle, unit.number()) };
        (0..count).map(|place| unsafe { sys::vcpusnap_snapshot_register_id(self.handle, unit.number(), place) }).collect()
    }

    /// The bytes of a register's value, little-endian.
    ///
    /// # Errors
    /// For a register or unit that it does not have.
    pub fn get(&self, unit: Unit, id: u64) -> Result<Vec<u8>> {
        let (mut room, mut length) = ([0u8; 256], 0);
        checked(|error| unsafe {
            sys::vcpusnap_snapshot_get(
                self.handle, unit.number(), id, room.as_mut_ptr().cast(), room.len(), &mut length, error)
        })?;
        Ok(room[..length].to_vec())
    }

    /// Replaces the value of a register, or adds it.
    ///
    /// # Errors
    /// For a value of another size than its id says, and a unit that it does not have.
    pub fn set(&mut self, unit: Unit, id: u64, value: &[u8]) -> Result<()> {
        checked(|error| unsafe {
            sys::vcpusnap_snapshot_set(self.handle, unit.number(), id, value.as_ptr().cast(), value.len(), error)
        })
    }

    /// What it says of where it comes from, by key: `kernel`, `tool`, `time`, ...
    pub fn provenance(&self, key: &str) -> Option<String> {
        let key = c_string(key).ok()?;
        unsafe { text(sys::vcpusnap_snapshot_get_provenance(self.handle, key.as_ptr())) }
    }

    /// Says it, or takes it away.
    ///
    /// # Errors
    /// For a key or value that is no single line.
    pub fn set_provenance(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        let (key, value) = (c_string(key)?, value.map(c_string).transpose()?);
        let value = value.as_ref().map_or(ptr::null(), |value| value.as_ptr());
        checked(|error| unsafe { sys::vcpusnap_snapshot_set_provenance(self.handle, key.as_ptr(), value, error) })
    }

    /// Says what a restore on a host will do.
    ///
    /// # Errors
    /// For a snapshot without vCPUs.
    pub fn plan(&self, host: &Host, policy: Option<&Policy>) -> Result<Report> {
        let policy = policy.map_or(ptr::null(), |policy| policy.handle as *const _);
        let handle =
            made(|object, error| unsafe { sys::vcpusnap_plan(self.handle, host.handle, policy, object, error) })?;
        Ok(Report { handle })
    }
}

/// A register that is not the same in two snapshots; its value is nothing where a side does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose register it is.
    pub unit: Unit,
    /// The register.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What the first snapshot has.
    pub left: Option<Vec<u8>>,
    /// What the other has.
    pub right: Option<Vec<u8>>,
    /// Whether only bits that move by themselves differ.
    pub is_volatile: bool,
}

/// The registers in which two snapshots differ.
///
/// # Errors
/// None is known.
pub fn compare(left: &Snapshot, right: &Snapshot) -> Result<Vec<Difference>> {
    let handle = made(|object, error| unsafe { sys::vcpusnap_compare(left.handle, right.handle, object, error) })?;
    let mut entry = unsafe { std::mem::zeroed::<sys::vcpusnap_register_difference>() };
    let mut result = Vec::new();
    while unsafe { sys::vcpusnap_difference_next(handle, &mut entry) } != 0 {
        result.push(Difference {
            unit: Unit::of(entry.unit),
            id: entry.id,
            name: unsafe { text(entry.name) }.unwrap_or_default(),
            left: unsafe { value(entry.left, entry.value_size) },
            right: unsafe { value(entry.right, entry.value_size) },
            is_volatile: entry.is_volatile != 0,
        });
    }
    unsafe { sys::vcpusnap_difference_destroy(handle) };
    Ok(result)
}
