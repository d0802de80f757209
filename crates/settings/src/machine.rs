//! What the machine says: its files, its environment, its network. Everything else here is pure.

use crate::error::{Invalid, Problem};
use crate::layer::Flag;
use crate::load::{CONFIG_VARIABLE, Inputs, Loaded, load};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

/// Loads the settings of this process: the file that is named here, else by `DNS_CONFIG`, where there is one;
/// the environment; the flags that were given.
///
/// # Errors
/// [`Invalid`], also for a file that cannot be read.
pub fn load_here(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[Flag],
) -> Result<Loaded, Invalid> {
    // A variable that is no Unicode cannot be one of ours.
    let unicode =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let environment: BTreeMap<String, String> = environment.into_iter().filter_map(unicode).collect();
    let named = environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty()).map(Path::new);
    let file = file.or(named).map(|path| {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok((file, text)),
            Err(error) => {
                let reason = error.to_string();
                Err(Invalid { problems: vec![Problem::Unreadable { file, reason }] })
            }
        }
    });
    let file = file.transpose()?;
    let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    load(&Inputs { file, environment: &environment, flags })
}

/// The addresses without those of IPv6 that are everywhere, where this machine has no IPv6: the defaults, and
/// `:53`, must work there too. An address of somebody's own that is not here is an error when it is bound.
pub fn on_this_machine(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let here = |address: &&SocketAddr| {
        let everywhere = address.is_ipv6() && (address.ip().is_loopback() || address.ip().is_unspecified());
        !everywhere || UdpSocket::bind((address.ip(), 0)).is_ok()
    };
    let found: Vec<SocketAddr> = addresses.iter().filter(here).copied().collect();
    // Where nothing else is left, whoever binds it shall say what is wrong.
    if found.is_empty() { addresses.to_vec() } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_flag_or_variable_and_must_be_there() {
        let environment = |path: &str| vec![(OsString::from(CONFIG_VARIABLE), OsString::from(path))];
        let error = load_here(None, environment("no/such/file.toml"), &[]).unwrap_err().to_string();
        assert!(error.contains("no/such/file.toml"), "{error}");
        assert!(load_here(None, environment(""), &[]).is_ok());
        let error = load_here(Some(Path::new("neither.toml")), environment("no/such/file.toml"), &[]);
        assert!(error.unwrap_err().to_string().contains("neither.toml"), "the flag wins");
    }

    #[test]
    fn somebodys_own_address_is_never_left_out() {
        let own: Vec<SocketAddr> = vec!["[2001:db8::1]:53".parse().unwrap(), "127.0.0.1:53".parse().unwrap()];
        assert_eq!(on_this_machine(&own), own);
        let alone: Vec<SocketAddr> = vec!["[::1]:53".parse().unwrap()];
        assert_eq!(on_this_machine(&alone), alone);
    }
}
