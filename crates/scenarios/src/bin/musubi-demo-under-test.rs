//! The demo as a process that the crash tests can kill. The same entry as `musubi-demo`.

fn main() -> std::process::ExitCode {
    musubi_demo::cli::main()
}
