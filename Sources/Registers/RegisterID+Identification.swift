/// Registers that several parts of the library ask about, by what they tell.
extension RegisterID {
    /// MIDR_EL1.
    public static let midr = RegisterID(rawValue: 0x6030_0000_0013_c000)
    /// MPIDR_EL1.
    public static let multiprocessorAffinity = RegisterID(rawValue: 0x6030_0000_0013_c005)
    /// ID_AA64PFR0_EL1.
    public static let processorFeatures = RegisterID(rawValue: 0x6030_0000_0013_c020)
    /// ID_AA64PFR1_EL1.
    public static let processorFeatures1 = RegisterID(rawValue: 0x6030_0000_0013_c021)
    /// ID_AA64DFR0_EL1.
    public static let debugFeatures = RegisterID(rawValue: 0x6030_0000_0013_c028)
    /// ID_AA64DFR1_EL1.
    public static let debugFeatures1 = RegisterID(rawValue: 0x6030_0000_0013_c029)
    /// ID_AA64ISAR1_EL1.
    public static let instructions1 = RegisterID(rawValue: 0x6030_0000_0013_c031)
    /// ID_AA64ISAR2_EL1.
    public static let instructions2 = RegisterID(rawValue: 0x6030_0000_0013_c032)
    /// ID_AA64MMFR1_EL1.
    public static let memoryModel1 = RegisterID(rawValue: 0x6030_0000_0013_c039)
    /// CLIDR_EL1.
    public static let cacheLevels = RegisterID(rawValue: 0x6030_0000_0013_c801)
    /// CTR_EL0.
    public static let cacheType = RegisterID(rawValue: 0x6030_0000_0013_d801)
    /// PMCR_EL0.
    public static let pmuControl = RegisterID(rawValue: 0x6030_0000_0013_dce0)
    /// APIAKEYLO_EL1.
    public static let firstPointerKey = RegisterID(rawValue: 0x6030_0000_0013_c108)
    /// HCR_EL2.
    public static let hypervisorConfiguration = RegisterID(rawValue: 0x6030_0000_0013_e088)
    /// CNTPCT_EL0.
    public static let physicalCount = RegisterID(rawValue: 0x6030_0000_0013_df01)
    /// `KVM_REG_ARM_PSCI_VERSION`.
    public static let psciVersion = RegisterID(rawValue: 0x6030_0000_0014_0000)
}
