import Registers
import Testing

struct KernelVendorTests {
    @Test(arguments: [
        ("6.1.172-216.329.amzn2023.aarch64", "Amazon Linux"), ("5.14.0-570.el9.aarch64", "Red Hat"),
        ("5.15.0-200.131.el9uek.aarch64", "Oracle"), ("6.8.0-60-generic", "Ubuntu"),
        ("6.8.0-1029-aws", "Ubuntu"), ("6.4.0-150600.23-default", "SUSE"),
        ("6.1.75-android14-11-g1", "Android"), ("6.1.43-rockchip-rk3588", "Rockchip"),
        ("5.10.0-136.oe2203.aarch64", "openEuler"), ("6.4.0-150600.23-64kb", "SUSE"),
        ("6.6.78.1-1.azl3", "Azure Linux"), ("4.19.90-52.22.v2207.ky10.aarch64", "Kylin"),
        ("5.10.134-16.an8.aarch64", "Anolis OS"), ("5.4.0-1110-kvm", "Ubuntu"),
        ("5.14.0-570.el9.aarch64+64k", "Red Hat"), ("6.8.0-60-generic-64k", "Ubuntu"),
        ("5.15.90.1-microsoft-standard-WSL2", "Microsoft"), ("6.1.21-v8+", "Raspberry Pi"),
        ("5.10.0-182.0.0.95.r1941_123.hce2.aarch64", "Huawei"),
        ("4.18.0-147.5.1.6.h729.eulerosv2r9.aarch64", "Huawei"),
        ("5.10.134-18.0.11.lifsea8.aarch64", "Alibaba Cloud Linux"),
        ("4.19.36-vhulk1907.1.0.h453.eulerosv2r8.aarch64", "Huawei"),
        ("6.18.15-rc1+", "its builder"), ("6.12.0-dirty", "its builder"),
    ])
    func ofItsOwn(release: String, name: String) throws {
        let vendor = try #require(KernelVendor(ofRelease: release))
        #expect(vendor.name == name && !vendor.keepsToVersion)
    }

    @Test(arguments: [
        "6.12.117+deb13-cloud-arm64", "6.1.0-50-cloud-arm64", "6.17.1-300.fc43.aarch64",
    ])
    func ofTheStableKernel(release: String) throws {
        #expect(try #require(KernelVendor(ofRelease: release)).keepsToVersion)
    }

    @Test(arguments: ["6.12", "7.3.4", "6.18.15-rc1", "6.12.0-mine"])
    func nobodys(release: String) {
        #expect(KernelVendor(ofRelease: release) == nil)
    }
}
