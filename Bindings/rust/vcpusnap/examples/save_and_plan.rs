//! Reads a snapshot, and says what is lost of it on a host that is not at hand.
//! usage: save_and_plan SNAPSHOT [HOST]

use vcpusnap::{Host, Policy, Snapshot};

fn main() -> vcpusnap::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("name a snapshot");
    let host = arguments.next().unwrap_or_else(|| "6.1-cortex-a57".into());

    let snapshot = Snapshot::read(&path)?;
    println!("{} vCPUs, saved at {}", snapshot.vcpus().len(), snapshot.provenance("time").unwrap_or_default());
    let mut report = snapshot.plan(&Host::open(&host)?, Some(&Policy::new("safe")?))?;
    for lost in report.outcomes().iter().filter(|register| register.is_loss) {
        println!("{}: lost: {}", lost.name, lost.reason.as_deref().unwrap_or("unknown"));
    }
    println!("{host}: {}", if report.is_complete() { "yes" } else { "no" });
    Ok(())
}
