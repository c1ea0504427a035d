import CLinux
import Testing

/// Every wrapper of a system call on a descriptor, called with one that cannot exist: the kernel's
/// answer has to come back as -EBADF, on any machine, with or without KVM.
@Suite struct BadDescriptorTests {
    private static let badDescriptor: Int32 = -2
    private static let EBADF: Int64 = -9

    private struct Call: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let run: @Sendable (Int32) -> Int64

        init(_ name: String, _ run: @escaping @Sendable (Int32) -> Int64) {
            testDescription = name
            self.run = run
        }
    }

    private static let fileCalls: [Call] = [
        Call("read") { fd in
            var byte: UInt8 = 0
            return clinux_read(fd, &byte, 1)
        },
        Call("write") { fd in
            var byte: UInt8 = 0
            return clinux_write(fd, &byte, 1)
        },
        Call("close") { Int64(clinux_close($0)) },
        Call("fsync") { Int64(clinux_fsync($0)) },
        Call("fstat") { Int64(clinux_kind_of_descriptor($0)) },
        Call("mmap") { fd in
            var address: UnsafeMutableRawPointer?
            return Int64(clinux_map_shared(fd, 4096, &address))
        },
    ]

    private static let systemAndVMCalls: [Call] = [
        Call("KVM_GET_API_VERSION") { Int64(clinux_kvm_get_api_version($0)) },
        Call("KVM_CREATE_VM") { Int64(clinux_kvm_create_vm($0, 0)) },
        Call("KVM_CHECK_EXTENSION") { Int64(clinux_kvm_check_extension($0, 0)) },
        Call("KVM_ENABLE_CAP") { Int64(clinux_kvm_enable_capability($0, 239)) },
        Call("KVM_GET_VCPU_MMAP_SIZE") { Int64(clinux_kvm_get_vcpu_mmap_size($0)) },
        Call("KVM_CREATE_VCPU") { Int64(clinux_kvm_create_vcpu($0, 0)) },
        Call("KVM_ARM_PREFERRED_TARGET") { fd in
            var target = clinux_kvm_vcpu_init()
            return Int64(clinux_kvm_arm_preferred_target(fd, &target))
        },
        Call("KVM_ARM_GET_REG_WRITABLE_MASKS") { fd in
            var masks = [UInt64](repeating: 0, count: Int(CLINUX_KVM_WRITABLE_MASKS))
            return Int64(clinux_kvm_arm_get_reg_writable_masks(fd, &masks))
        },
        Call("KVM_HAS_DEVICE_ATTR") { Int64(clinux_kvm_has_attribute($0, 0, 0)) },
        Call("KVM_GET_DEVICE_ATTR") { fd in
            var value: UInt64 = 0
            return Int64(clinux_kvm_get_attribute(fd, 0, 0, &value))
        },
        Call("KVM_SET_DEVICE_ATTR") { fd in
            var value: UInt64 = 0
            return Int64(clinux_kvm_set_attribute(fd, 0, 0, &value))
        },
        Call("KVM_SET_USER_MEMORY_REGION") { fd in
            Int64(clinux_kvm_set_user_memory_region(fd, 0, 0, 0, 0, nil))
        },
    ]

    private static let vcpuCalls: [Call] = [
        Call("KVM_ARM_VCPU_INIT") { fd in
            var target = clinux_kvm_vcpu_init()
            return Int64(clinux_kvm_arm_vcpu_init(fd, &target))
        },
        Call("KVM_ARM_VCPU_FINALIZE") { Int64(clinux_kvm_arm_vcpu_finalize($0, 4)) },
        Call("KVM_GET_REG_LIST") { fd in
            var list: [UInt64] = [0]
            return Int64(clinux_kvm_get_reg_list(fd, &list))
        },
        Call("KVM_GET_ONE_REG") { fd in
            var value: UInt64 = 0
            return Int64(clinux_kvm_get_one_reg(fd, 0x6030_0000_0010_0000, &value))
        },
        Call("KVM_SET_ONE_REG") { fd in
            var value: UInt64 = 0
            return Int64(clinux_kvm_set_one_reg(fd, 0x6030_0000_0010_0000, &value))
        },
        Call("KVM_GET_MP_STATE") { fd in
            var state: UInt32 = 0
            return Int64(clinux_kvm_get_mp_state(fd, &state))
        },
        Call("KVM_SET_MP_STATE") { Int64(clinux_kvm_set_mp_state($0, 0)) },
        Call("KVM_GET_VCPU_EVENTS") { fd in
            var events = clinux_kvm_vcpu_events()
            return Int64(clinux_kvm_get_vcpu_events(fd, &events))
        },
        Call("KVM_SET_VCPU_EVENTS") { fd in
            var events = clinux_kvm_vcpu_events()
            return Int64(clinux_kvm_set_vcpu_events(fd, &events))
        },
        Call("KVM_RUN") { Int64(clinux_kvm_run($0)) },
    ]

    @Test(arguments: fileCalls + systemAndVMCalls + vcpuCalls)
    private func saysSo(_ call: Call) {
        #expect(call.run(Self.badDescriptor) == Self.EBADF)
    }

    @Test func aBadDescriptorIsNoTerminal() {
        #expect(clinux_is_terminal(Self.badDescriptor) == 0)
    }
}
