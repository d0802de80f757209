//! stream-dns: an authoritative DNS server whose zones are a log.
//!
//! Configuration, wiring, signals, drain; what is done stands in the crates.

mod flags;
mod node;
mod plan;

use anyhow::Context;
use command_line::{Cli, Command};
use plan::Plan;
use settings::{EX_CONFIG, Loaded, LogFormat, load_here};
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let loaded = load_here(cli.config.as_deref(), std::env::vars_os(), &flags::of(&cli.command));
    let planned = loaded.map_err(anyhow::Error::from).and_then(|own| Ok((Plan::new(&own.settings)?, own)));
    let (plan, loaded) = match planned {
        Ok(planned) => planned,
        Err(wrong) => {
            eprintln!("{wrong:#}");
            return ExitCode::from(EX_CONFIG);
        }
    };
    let print = |text: String| {
        print!("{text}");
        Ok(ExitCode::SUCCESS)
    };
    let done = match cli.command {
        Command::Serve(_) => serve(&loaded, plan),
        Command::Check(args) => print(settings::checked(&loaded, args.json)),
        Command::Config(args) => print(settings::effective(&loaded, args.json)),
        Command::Client(command) => command_line::run(command, &plan.client),
    };
    done.unwrap_or_else(|error| {
        eprintln!("stream-dns: {error:#}");
        ExitCode::FAILURE
    })
}

fn serve(loaded: &Loaded, plan: Plan) -> anyhow::Result<ExitCode> {
    let log = &loaded.settings.log;
    let lines = tracing_subscriber::fmt().with_env_filter(log.level.directives()).with_writer(stderr);
    let set = match log.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("the log cannot be set up: {error}"))?;
    let instance = loaded.settings.instance_id.as_deref();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), instance, "starting");
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    actix::System::new().block_on(run(plan)).or_else(|error| {
        tracing::error!("{error:#}");
        // What only a person can put right a service manager must not try again and again.
        let is_newer = matches!(error.downcast_ref(), Some(zone_store::StoreError::NewerFormat { .. }));
        Ok(if is_newer { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE })
    })
}

/// Bind, start, wait, drain.
async fn run(plan: Plan) -> anyhow::Result<ExitCode> {
    let caught = |kind| signal(kind).context("cannot catch signals");
    let mut signals = (caught(SignalKind::terminate())?, caught(SignalKind::interrupt())?);
    let (delay, limit) = (plan.shutdown.delay(), plan.shutdown.drain_timeout());
    let bound = node::bind(&plan)?;
    let node = node::start(plan, bound).await?;
    let within_ms = (delay + limit).as_millis() as u64;
    let asked = tokio::select! {
        signal = next(&mut signals) => {
            tracing::info!(signal, within_ms, "stopping");
            true
        }
        actor = node.watch() => {
            tracing::error!(actor, within_ms, "an actor ended by itself; stopping");
            false
        }
    };
    let in_time = tokio::select! {
        stopped = node.drain(delay, limit) => {
            match stopped {
                Ok(took) => tracing::info!(took_ms = took.as_millis() as u64, "stopped"),
                Err(stage) => tracing::error!(stage, "did not stop in time; what was not committed is read again"),
            }
            stopped.is_ok()
        }
        signal = again(&mut signals) => {
            tracing::error!(signal, "a second signal: ending at once");
            false
        }
    };
    Ok(if asked && in_time { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits for the next of SIGTERM and SIGINT.
async fn next((terminate, interrupt): &mut (Signal, Signal)) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Waits for a signal that asks again: within a second it is the same request, to the process and to its group.
async fn again(signals: &mut (Signal, Signal)) -> &'static str {
    while tokio::time::timeout(Duration::from_secs(1), next(signals)).await.is_ok() {}
    next(signals).await
}
