//! Saves, restores, plans and compares the state of arm64 KVM guests, by libvcpusnap.
//!
//! A VMM lends its descriptors ([`Machine::borrowing`]) or answers for its vCPUs itself ([`Bank`]); what was
//! saved is a [`Snapshot`], and what became of it a [`Report`].
#![deny(missing_docs)]

mod machine;
mod report;
mod snapshot;

use std::ffi::{CStr, CString};
use std::fmt;
use std::os::raw::c_char;
use std::ptr;

use vcpusnap_sys as sys;

pub use machine::{Bank, Capture, Clock, Errno, InterruptController, Machine, Restore, Vcpu};
pub use report::{Host, Outcome, Policy, Report, RegisterOutcome};
pub use snapshot::{compare, Difference, Snapshot, Unit};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The errno of the call that failed.
    pub os_error: Option<i32>,
    /// The register that it is about.
    pub register_id: Option<u64>,
    /// What was expected, what was found and what to do next.
    pub message: String,
}

/// The kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument cannot be meant.
    Argument,
    /// The system refused a call.
    System,
    /// A file or a text is not what it should be.
    Format,
    /// There is no register, vCPU or host of that name.
    NotFound,
    /// A register could not be read.
    Register,
    /// The machine is not what the snapshot needs.
    Mismatch,
    /// The function for progress asked for an end.
    Canceled,
    /// One that this crate does not know.
    Other,
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl Error {
    fn argument(message: &str) -> Error {
        Error { kind: ErrorKind::Argument, os_error: None, register_id: None, message: message.into() }
    }
}

/// Calls a function that tells why it failed.
fn checked(call: impl FnOnce(*mut sys::vcpusnap_error) -> sys::vcpusnap_status) -> Result<()> {
    let mut error = sys::vcpusnap_error { status: 0, os_error: 0, register_id: 0, message: [0; 496] };
    let kind = match call(&mut error) {
        0 => return Ok(()),
        1 => ErrorKind::Argument,
        2 => ErrorKind::System,
        3 => ErrorKind::Format,
        4 => ErrorKind::NotFound,
        5 => ErrorKind::Register,
        6 => ErrorKind::Mismatch,
        7 => ErrorKind::Canceled,
        _ => ErrorKind::Other,
    };
    Err(Error {
        kind,
        os_error: Some(error.os_error).filter(|number| *number != 0),
        register_id: Some(error.register_id).filter(|number| *number != 0),
        // SAFETY: the library ends the message with a zero byte.
        message: unsafe { text(error.message.as_ptr()) }.unwrap_or_default(),
    })
}

/// Makes an object by a function that tells why it failed.
fn made<T>(call: impl FnOnce(*mut *mut T, *mut sys::vcpusnap_error) -> sys::vcpusnap_status) -> Result<*mut T> {
    let mut object = ptr::null_mut();
    checked(|error| call(&mut object, error))?;
    Ok(object)
}

/// A copy of a C string; nothing of NULL.
///
/// # Safety
/// It ends with a zero byte.
unsafe fn text(start: *const c_char) -> Option<String> {
    (!start.is_null()).then(|| CStr::from_ptr(start).to_string_lossy().into_owned())
}

fn c_string(text: impl Into<Vec<u8>>) -> Result<CString> {
    CString::new(text).map_err(|_| Error::argument("a text has a zero byte in it"))
}

/// A copy of a value, whose size its id says; nothing of NULL.
///
/// # Safety
/// There are as many bytes.
unsafe fn value(start: *const std::os::raw::c_void, size: usize) -> Option<Vec<u8>> {
    (!start.is_null()).then(|| std::slice::from_raw_parts(start.cast::<u8>(), size).to_vec())
}

/// What a function writes that says how long its text is.
fn written(call: impl Fn(*mut c_char, usize) -> usize) -> String {
    let mut room = vec![0u8; call(ptr::null_mut(), 0) + 1];
    call(room.as_mut_ptr().cast(), room.len());
    room.pop();
    String::from_utf8_lossy(&room).into_owned()
}

/// The library's version.
pub fn version() -> String {
    // SAFETY: it is a string that is never freed.
    unsafe { text(sys::vcpusnap_version()) }.unwrap_or_default()
}

/// The name of a register's id.
pub fn register_name(id: u64) -> String {
    // SAFETY: the room has the size that is said.
    written(|room, size| unsafe { sys::vcpusnap_register_name(id, room, size) })
}

/// The id of a register by its name, or by any other spelling that `vcpusnap register` takes.
///
/// # Errors
/// [`ErrorKind::NotFound`] for one that is not known.
pub fn register_id(name: &str) -> Result<u64> {
    let name = c_string(name)?;
    let mut id = 0;
    // SAFETY: all pointers are of this function.
    checked(|error| unsafe { sys::vcpusnap_register_find(name.as_ptr(), &mut id, error) })?;
    Ok(id)
}

/// What a value means, a line for each field; empty where nothing is known of the register's fields.
pub fn describe(id: u64, value: &[u8]) -> String {
    written(|room, size| {
        // SAFETY: the value and the room have the sizes that are said.
        unsafe { sys::vcpusnap_register_describe(id, value.as_ptr().cast(), value.len(), room, size) }
    })
}
