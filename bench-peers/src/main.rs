//! `bench-peers`: what an answer costs, beside other servers. `bench-peers help` lists what it can do.

#[cfg(target_os = "linux")]
mod cli;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    cli::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("bench-peers measures with what Linux has: recvmmsg, /proc, sched_setaffinity")
}
