import Attach
import LinuxSystem
import Testing

/// What can be said of processes without arm64 KVM; `Scripts/test-attach` has the rest.
@Suite struct AttachTests {
    /// More than any kernel gives (PID_MAX_LIMIT is 2^22).
    private static let noProcess = 1 << 23

    @Test func processThatIsNotThereIsNamedSo() {
        let error = #expect(throws: AttachError.self) { try VMMProcess(process: Self.noProcess) }
        #expect(error == AttachError(process: Self.noProcess, .noSuchProcess))
        #expect(
            error.map { "\($0)" }?.hasPrefix("process 8388608: there is no such process") == true)
    }

    @Test func processWithoutVCPUsIsNoVMM() throws {
        let number = try #require(ownProcess)
        let error = #expect(throws: AttachError.self) { try VMMProcess(process: number) }
        #expect(error == AttachError(process: number, .noVCPU))
    }

    @Test func tableHasOnlyProcessesWithVCPUs() throws {
        let table = try ProcessTable.read()
        #expect(table.vmms.allSatisfy { vmm in vmm.vms.allSatisfy { !$0.vcpus.isEmpty } })
        #expect(!table.vmms.contains { $0.process == ownProcess })
    }

    @Test func captureOfNoVCPUsStopsNothing() throws {
        let number = try #require(ownProcess)
        let error = #expect(throws: AttachError.self) {
            _ = try AttachedVM.capture([], of: number)
        }
        #expect(error == AttachError(process: number, .noVCPU))
    }

    #if !arch(arm64)
        @Test func anotherMachineIsNamedSo() throws {
            let number = try #require(ownProcess)
            let error = #expect(throws: AttachError.self) {
                let vcpu = VMMProcess.VCPUDescriptor(index: 0, descriptor: 3)
                _ = try AttachedVM.capture([vcpu], of: number)
            }
            #expect(error == AttachError(process: number, .notARM64))
        }
    #endif

    /// `/proc/self/stat` begins with the process id.
    private var ownProcess: Int? {
        guard let bytes = try? File.read("/proc/self/stat", limit: 4096) else { return nil }
        return Int(String(decoding: bytes.prefix { $0 != 32 }, as: UTF8.self))
    }
}
