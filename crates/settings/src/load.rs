//! Layers in, settings out.

use crate::error::{Invalid, Problem};
use crate::layer::{Flag, Layer};
use crate::model::Settings;
use crate::rules;
use config::{Config, ConfigBuilder, ConfigError, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;
use std::fmt;

/// The variable that names the configuration file where no flag does. It is no setting: it says where they are.
pub const CONFIG_VARIABLE: &str = "DNS_CONFIG";

/// What settings are made of.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The configuration file's name and text, where there is one.
    pub file: Option<(&'a str, &'a str)>,
    /// The environment.
    pub environment: &'a BTreeMap<String, String>,
    /// The flags that were given.
    pub flags: &'a [Flag],
}

/// Settings, and what is known of them.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What is odd and does not stop the start, one line each.
    pub warnings: Vec<String>,
    pub(crate) origins: BTreeMap<String, String>,
}

/// Lays the built-in defaults, the file, the environment and the flags over one another.
///
/// # Errors
/// [`Invalid`] with everything that is wrong: unknown keys, values that are not allowed, and settings that
/// contradict each other.
pub fn load(inputs: &Inputs<'_>) -> Result<Loaded, Invalid> {
    let mut layers = vec![Layer::built_in()];
    layers.extend(inputs.file.map(|(name, text)| Layer::file(name, text)));
    layers.push(Layer::environment(inputs.environment));
    layers.push(Layer::flags(inputs.flags));

    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let mut builder = Config::builder();
    for mut layer in layers {
        problems.append(&mut layer.problems);
        warnings.append(&mut layer.warnings);
        builder = builder.add_source(layer);
    }
    let (mut settings, mut origins) = match merge(builder) {
        Ok(merged) => merged,
        Err(reason) if problems.is_empty() => {
            problems.push(Problem::NotToml { file: "the configuration".into(), reason: reason.to_string() });
            return Err(Invalid { problems });
        }
        Err(_) => return Err(Invalid { problems }),
    };
    problems.extend(rules::contradictions(&settings, &origins));
    warnings.extend(rules::warnings(&settings));
    rules::conclude(&mut settings, &mut origins);
    if problems.is_empty() { Ok(Loaded { settings, warnings, origins }) } else { Err(Invalid { problems }) }
}

type Merged = (Settings, BTreeMap<String, String>);

fn merge(builder: ConfigBuilder<config::builder::DefaultState>) -> Result<Merged, ConfigError> {
    let config = builder.build()?;
    let mut origins = BTreeMap::new();
    collect_origins("", &config.collect()?, &mut origins);
    Ok((config.try_deserialize()?, origins))
}

fn collect_origins(prefix: &str, table: &Map<String, Value>, origins: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match &value.kind {
            ValueKind::Table(inner) => collect_origins(&key, inner, origins),
            _ => {
                origins.insert(key, value.origin().unwrap_or(BUILT_IN).to_owned());
            }
        }
    }
}

pub(crate) const BUILT_IN: &str = "built-in";

// === impl Inputs ===

impl Default for Inputs<'_> {
    /// Nothing but the built-in defaults.
    fn default() -> Self {
        const NONE: &BTreeMap<String, String> = &BTreeMap::new();
        Self { file: None, environment: NONE, flags: &[] }
    }
}

/// What was given can hold secrets: only how much there is of it is shown.
impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("file", &self.file.map(|(name, _)| name))
            .field("environment", &self.environment.len())
            .field("flags", &self.flags.len())
            .finish()
    }
}

// === impl Loaded ===

impl Loaded {
    /// Where a setting's value stands: a file, a variable, a flag, or `built-in`.
    pub fn origin(&self, key: &str) -> &str {
        self.origins.get(key).map_or(BUILT_IN, String::as_str)
    }
}
