//! Zone files, and what they include.

use super::FileArgs;
use anyhow::Context;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zone_model::master::{MasterError, ReadZone, Settings, read_zone};

/// Reads the zone file of the arguments. The inner error is what is wrong in it.
pub(super) fn read(args: &FileArgs, keep_going: bool) -> anyhow::Result<Result<ReadZone, Vec<MasterError>>> {
    let settings = Settings { keep_going, ..Settings::new(args.origin.clone()) };
    read_path(&args.file, args.include_dir.as_deref(), &settings)
}

/// Reads a zone file; `-` is standard input.
pub(super) fn read_path(
    path: &Path,
    include_dir: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<Result<ReadZone, Vec<MasterError>>> {
    let standard_input = path == Path::new("-");
    let mut octets = Vec::new();
    if standard_input {
        std::io::stdin().lock().read_to_end(&mut octets).context("standard input cannot be read")?;
    } else {
        octets = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    }
    let below = match include_dir {
        Some(directory) => Some(directory.to_owned()),
        None if standard_input => None,
        None => path
            .parent()
            .map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent }.to_owned()),
    };
    let name = if standard_input { "standard input".into() } else { path.display().to_string() };
    let mut include = |wanted: &str, _: &str| include(below.as_deref(), wanted);
    Ok(read_zone(&name, &octets, settings, &mut include))
}

/// The file that an `$INCLUDE` names: a regular one below the allowed directory, symbolic links followed first.
fn include(below: Option<&Path>, wanted: &str) -> Result<(Arc<str>, Vec<u8>), String> {
    let below = below.ok_or("what standard input includes must lie below a directory: give --include-dir")?;
    let path: PathBuf = below.join(wanted);
    let real = fs::canonicalize(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let root = fs::canonicalize(below).map_err(|error| format!("{}: {error}", below.display()))?;
    if !real.starts_with(&root) {
        return Err(format!("it is not below {}; --include-dir allows another directory", below.display()));
    }
    if !real.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let octets = fs::read(&real).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((path.display().to_string().into(), octets))
}
