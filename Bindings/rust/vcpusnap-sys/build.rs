//! Finds libvcpusnap: in VCPUSNAP_LIB_DIR, else where pkg-config says.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=VCPUSNAP_LIB_DIR");
    println!("cargo:rustc-link-lib=vcpusnap");
    if let Ok(folder) = std::env::var("VCPUSNAP_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
        return;
    }
    let answer = Command::new("pkg-config").args(["--variable=libdir", "vcpusnap"]).output();
    if let Ok(folder) = answer.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()) {
        if !folder.is_empty() {
            println!("cargo:rustc-link-search=native={folder}");
        }
    }
}
