//! Layers: the places that values come from.

use crate::error::Problem;
use crate::show::shown;
use crate::table::{SETTINGS, Setting};
use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;

/// A flag that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// As it is written: `--listen`.
    pub name: &'static str,
    /// The key of the setting that it sets. A flag that sets several stands here for each.
    pub key: &'static str,
    /// Its values: one for a setting that is no list, none to empty a list.
    pub values: Vec<String>,
}

/// One place's values: each read by its kind, and knowing where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    values: Map<String, Value>,
    /// What is wrong with the place's other values.
    pub(crate) problems: Vec<Problem>,
    /// What is odd about it.
    pub(crate) warnings: Vec<String>,
}

// === impl Layer ===

impl Layer {
    /// The defaults of the table.
    pub(crate) fn built_in() -> Self {
        let mut layer = Self::default();
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            layer.take(setting, &Value::new(None, setting.default), "built-in");
        }
        layer
    }

    /// A file of this name and text.
    pub(crate) fn file(name: &str, text: &str) -> Self {
        let mut layer = Self::default();
        match File::from_str(text, FileFormat::Toml).collect() {
            Ok(table) => layer.walk(name, "", &table),
            Err(reason) => {
                let reason = reason.to_string().trim_end().to_owned();
                layer.problems.push(Problem::NotToml { file: name.to_owned(), reason });
            }
        }
        layer
    }

    /// The environment.
    pub(crate) fn environment(variables: &BTreeMap<String, String>) -> Self {
        let mut layer = Self::default();
        for setting in SETTINGS {
            let set = |name: &&'static str| {
                // An empty variable counts as unset, as it did.
                let value = variables.get(*name).filter(|value| !value.trim().is_empty())?;
                Some((*name, value.as_str()))
            };
            let given: Vec<_> = setting.variables.iter().filter_map(set).collect();
            let Some(&(name, value)) = given.first() else { continue };
            for &(other, other_value) in &given[1..] {
                if other_value != value {
                    layer.problems.push(Problem::Contradiction {
                        first: format!("{name}={}", shown(setting, value)),
                        second: format!("{other}={}", shown(setting, other_value)),
                        allowed: format!("one of the two, since both are {}", setting.key),
                    });
                }
            }
            layer.take(setting, &Value::new(None, value), name);
        }
        layer.warnings.extend(
            variables
                .iter()
                .filter(|(name, value)| is_unknown(name) && !value.trim().is_empty())
                .map(|(name, _)| format!("{name} is no variable that this server knows; it is ignored")),
        );
        layer
    }

    /// The flags that were given.
    pub(crate) fn flags(flags: &[Flag]) -> Self {
        let mut layer = Self::default();
        for flag in flags {
            let Some(setting) = Setting::of(flag.key) else { continue };
            let value = match &flag.values[..] {
                [only] => Value::new(None, only.as_str()),
                many => Value::new(None, many.to_vec()),
            };
            layer.take(setting, &value, flag.name);
        }
        layer
    }

    fn walk(&mut self, file: &str, prefix: &str, table: &Map<String, Value>) {
        // The map has no order of its own; messages need one.
        let sorted: BTreeMap<_, _> = table.iter().collect();
        for (name, value) in sorted {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if let Some(setting) = Setting::of(&key) {
                self.take(setting, value, file);
            } else if let (ValueKind::Table(inner), true) = (&value.kind, is_section(&key)) {
                self.walk(file, &key, inner);
            } else {
                self.problems.push(Problem::UnknownKey {
                    allowed: keys_of(prefix),
                    value: crate::show::text(value),
                    key,
                    file: file.to_owned(),
                });
            }
        }
    }

    fn take(&mut self, setting: &'static Setting, value: &Value, origin: &str) {
        let origin = origin.to_owned();
        match setting.kind.read(&Value::new(Some(&origin), value.kind.clone())) {
            Ok(kind) => {
                self.values.insert(setting.key.to_owned(), Value::new(Some(&origin), kind));
            }
            Err(allowed) => self.problems.push(Problem::Value {
                key: setting.key.to_owned(),
                value: if setting.secret { crate::MASK.into() } else { crate::show::text(value) },
                origin,
                allowed,
            }),
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.values.clone())
    }
}

fn is_unknown(variable: &str) -> bool {
    // Kubernetes injects these for a Service called `dns`: DNS_SERVICE_HOST, DNS_PORT_53_UDP_ADDR, …
    let injected = variable.starts_with("DNS_SERVICE_") || variable.starts_with("DNS_PORT");
    let known = SETTINGS.iter().any(|setting| setting.variables.contains(&variable));
    variable.starts_with("DNS_") && !injected && !known && variable != crate::CONFIG_VARIABLE
}

fn is_section(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// The names that may stand in a section.
fn keys_of(section: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for setting in SETTINGS {
        let rest = if section.is_empty() { Some(setting.key) } else { setting.key.strip_prefix(section) };
        let Some(rest) = rest.map(|rest| rest.trim_start_matches('.')) else { continue };
        let name = rest.split('.').next().unwrap_or(rest);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
