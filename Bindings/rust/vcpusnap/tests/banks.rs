//! Machines of banks, saved and restored.

use std::collections::BTreeMap;

use vcpusnap::{compare, register_id, register_name, Bank, Errno, ErrorKind, Machine, Outcome, Policy, Restore, Snapshot, Unit};

const TPIDR_EL1: u64 = 0x6030_0000_0013_c684;
const SCTLR_EL1: u64 = 0x6030_0000_0013_c080;

struct Registers {
    values: BTreeMap<u64, u64>,
    refused: Option<u64>,
}

impl Registers {
    fn boxed(value: u64, refused: Option<u64>) -> Box<Registers> {
        let values = [(TPIDR_EL1, value), (SCTLR_EL1, value)].into_iter().collect();
        Box::new(Registers { values, refused })
    }
}

impl Bank for Registers {
    fn index(&self) -> u32 {
        0
    }

    fn list(&mut self) -> Result<Vec<u64>, Errno> {
        Ok(self.values.keys().copied().collect())
    }

    fn read(&mut self, id: u64, value: &mut [u8]) -> Result<(), Errno> {
        let held = self.values.get(&id).ok_or(Errno(2))?;
        value.copy_from_slice(&held.to_le_bytes());
        Ok(())
    }

    fn write(&mut self, id: u64, value: &[u8]) -> Result<(), Errno> {
        if self.refused == Some(id) {
            return Err(Errno(22));
        }
        let value = value.try_into().map_err(|_| Errno(22))?;
        *self.values.get_mut(&id).ok_or(Errno(2))? = u64::from_le_bytes(value);
        Ok(())
    }
}

fn saved() -> Snapshot {
    Machine::of_banks(vec![Registers::boxed(0x1234, None)], None).unwrap().save().unwrap()
}

#[test]
fn a_capture_is_what_a_save_is() {
    let mut machine = Machine::of_banks(vec![Registers::boxed(0x1234, None)], None).unwrap();
    let mut capture = machine.prepare().unwrap();
    assert_eq!(capture.finish().unwrap_err().kind, ErrorKind::Argument);
    capture.read().unwrap();
    let mut snapshot = capture.finish().unwrap();
    assert_eq!(compare(&snapshot, &saved()).unwrap(), []);
    let again = Snapshot::decode(snapshot.encode().unwrap()).unwrap();
    assert_eq!(again.get(Unit::Vcpu(0), TPIDR_EL1).unwrap(), 0x1234u64.to_le_bytes());
    assert_eq!(again.vcpus(), [0]);
    assert_eq!(again.ids(Unit::Vm), []);
    snapshot.set(Unit::Vcpu(0), TPIDR_EL1, &1u64.to_le_bytes()).unwrap();
    let differences = compare(&snapshot, &again).unwrap();
    assert_eq!((differences.len(), differences[0].id), (1, TPIDR_EL1));
}

#[test]
fn a_restore_says_what_is_lost() {
    let mut machine = Machine::of_banks(vec![Registers::boxed(0, Some(SCTLR_EL1))], None).unwrap();
    let mut report = machine.restore(&saved(), &Restore::default()).unwrap();
    let outcomes = report.outcomes();
    let of = |id| outcomes.iter().find(|register| register.id == id).unwrap();
    assert_eq!(of(TPIDR_EL1).outcome, Outcome::Restored);
    assert_eq!((of(SCTLR_EL1).outcome, of(SCTLR_EL1).os_error), (Outcome::Refused, Some(22)));
    assert!(of(SCTLR_EL1).is_loss && !report.is_complete() && report.loss_count() > 0);
    assert!(report.json().contains("\"SCTLR_EL1\""));

    let force = Policy::new("force").unwrap();
    let how = Restore { policy: Some(&force), ..Restore::default() };
    assert!(machine.restore(&saved(), &how).unwrap().is_complete());
}

#[test]
fn errors_say_what_they_are() {
    let error = Snapshot::read("/nonexistent").unwrap_err();
    assert_eq!((error.kind, error.os_error), (ErrorKind::System, Some(2)));
    assert!(error.message.contains("/nonexistent"));
    assert_eq!(Snapshot::decode(b"nonsense").unwrap_err().kind, ErrorKind::Format);
    assert_eq!(Machine::of_banks(vec![], None).err().unwrap().kind, ErrorKind::Argument);
    assert_eq!(register_id("no such register").unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(register_name(register_id("3,0,1,0,0").unwrap()), "SCTLR_EL1");
}
