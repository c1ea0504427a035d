import Registers
import Testing

struct KernelVendorTests {
    @Test(arguments: [
        ("6.1.172-216.329.amzn2023.aarch64", "Amazon Linux"), ("5.14.0-570.el9.aarch64", "Red Hat"),
        ("5.15.0-200.131.el9uek.aarch64", "Oracle"), ("6.8.0-60-generic", "Ubuntu"),
        ("6.8.0-1029-aws", "Ubuntu"), ("6.4.0-150600.23-default", "SUSE"),
        ("6.1.75-android14-11-g1", "Android"), ("6.1.43-rockchip-rk3588", "Rockchip"),
        ("5.10.0-136.oe2203.aarch64", "openEuler"),
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

    @Test(arguments: ["6.12", "7.3.4", "6.18.15-rc1+", "6.12.0-dirty"])
    func nobodys(release: String) {
        #expect(KernelVendor(ofRelease: release) == nil)
    }
}
