//! The flags of a command that are settings.

use command_line::{Command, ConfigArgs, ServeArgs};
use settings::Flag;
use std::path::PathBuf;

pub(crate) fn of(command: &Command) -> Vec<Flag> {
    let args: &ServeArgs = match command {
        Command::Serve(serve) => serve,
        Command::Check(ConfigArgs { serve, .. }) | Command::Config(ConfigArgs { serve, .. }) => serve,
        Command::Client(_) => return Vec::new(),
    };
    let flag = |name, key, values| Flag { name, key, values };
    let path = |own: &Option<PathBuf>| own.iter().map(|path| path.display().to_string()).collect();
    let mut flags = vec![
        flag("--listen", "dns.listen", args.listen.iter().map(ToString::to_string).collect()),
        flag("--journal", "journal.path", path(&args.journal)),
        flag("--store", "store.path", path(&args.store)),
        flag("--zone", "dns.zones", args.zone.iter().map(ToString::to_string).collect()),
        flag("--listeners", "dns.listeners", args.listeners.iter().map(ToString::to_string).collect()),
    ];
    flags.retain(|flag| !flag.values.is_empty());
    if args.journal.is_some() {
        // It stands in the place of the logs that are configured.
        flags.extend(["kafka.brokers", "kafka.topics"].map(|key| flag("--journal", key, Vec::new())));
    }
    flags
}
