//! The operator's program as a process that tests can start. The same entry as `musubi`.

fn main() -> std::process::ExitCode {
    musubi_server::cli::main()
}
