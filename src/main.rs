fn main() -> std::process::ExitCode {
    ckpt_gpu::cli::main()
}
