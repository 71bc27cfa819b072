//! The binary `git-ccc`, which git runs as `git ccc`.

fn main() -> std::process::ExitCode {
    git_ccc::cli::main()
}
