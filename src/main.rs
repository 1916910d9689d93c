use ckpt_gpu::cli::ReportingAllocator;

#[global_allocator]
static ALLOCATOR: ReportingAllocator = ReportingAllocator;

fn main() -> std::process::ExitCode {
    ckpt_gpu::cli::main()
}
