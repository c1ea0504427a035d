import Program

@main
struct Main {
    static func main() {
        VcpusnapProgram.main()
    }
}
