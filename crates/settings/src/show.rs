//! Settings, and the table of them, as text. Secrets are masked.

use crate::MASK;
use crate::kind::Kind;
use crate::load::Loaded;
use crate::model::Settings;
use crate::table::{SETTINGS, Setting};
use config::{Value, ValueKind};
use serde_json::{Map, Value as Json};
use std::fmt::Write;

/// The effective configuration as TOML, which the server reads again: each value with where it comes from,
/// what is not set as a comment.
pub fn as_toml(loaded: &Loaded) -> String {
    let mut text = String::from("# The effective configuration. Secrets are masked.\n");
    let mut section = "";
    for setting in SETTINGS {
        let (own, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if own != section {
            let _ = write!(text, "\n[{own}]\n");
            section = own;
        }
        let origin = loaded.origin(setting.key);
        let _ = match value_of(&loaded.settings, setting.key) {
            Some(Json::Object(properties)) if properties.is_empty() => writeln!(text, "# {name} = {{}}"),
            Some(Json::Object(properties)) => {
                let pairs: Vec<String> =
                    properties.iter().map(|(key, value)| format!("{} = {value}", quoted(key))).collect();
                writeln!(text, "{name} = {{ {} }}", pairs.join(", "))
            }
            Some(value) => writeln!(text, "{name} = {value}  # {origin}"),
            None => writeln!(text, "# {name} ="),
        };
    }
    text
}

/// The effective configuration as JSON: `settings` as the file has them, and `from`, which says for each key
/// where its value stands.
pub fn as_json(loaded: &Loaded) -> Json {
    let mut settings = Json::Object(Map::new());
    let mut origins = Map::new();
    for setting in SETTINGS {
        let mut place = &mut settings;
        for part in setting.key.split('.') {
            if place.is_null() {
                *place = Json::Object(Map::new());
            }
            place = &mut place[part];
        }
        if let Some(value) = value_of(&loaded.settings, setting.key) {
            *place = value;
            origins.insert(setting.key.to_owned(), loaded.origin(setting.key).into());
        }
    }
    let mut whole = Map::new();
    whole.insert("settings".into(), settings);
    whole.insert("from".into(), origins.into());
    Json::Object(whole)
}

/// What `stream-dns config` prints.
pub fn effective(loaded: &Loaded, json: bool) -> String {
    if json { format!("{:#}\n", as_json(loaded)) } else { as_toml(loaded) }
}

/// What `stream-dns check` prints of settings that can be used.
pub fn checked(loaded: &Loaded, json: bool) -> String {
    if json {
        return format!("{}\n", serde_json::json!({"usable": true, "warnings": loaded.warnings}));
    }
    let warnings = loaded.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    warnings.chain(["the configuration can be used\n".to_owned()]).collect()
}

/// The table of all settings in Markdown, a heading and a table for each section: what
/// `docs/configuration.md` holds.
pub fn table_as_markdown() -> String {
    let mut text = String::new();
    let mut section = None;
    for setting in SETTINGS {
        let (own, _) = setting.key.split_once('.').unwrap_or(("", ""));
        if section != Some(own) {
            let heading = if own.is_empty() { "The node".to_owned() } else { format!("`[{own}]`") };
            let _ = write!(
                text,
                "\n### {heading}\n\n| Key | Variable | Flag | Default | Allowed | Meaning |\n|---|---|---|---|---|---|\n"
            );
            section = Some(own);
        }
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let variables: Vec<String> = setting.variables.iter().map(|name| code(name)).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {}{} |",
            setting.key,
            variables.join(", "),
            code(setting.flag.unwrap_or("")),
            code(setting.default),
            setting.kind.allowed(),
            setting.meaning.replace('|', "\\|"),
            if setting.secret { " Masked wherever it would be shown." } else { "" },
        );
    }
    text
}

/// A setting's value as JSON; `None` where it is not set.
pub(crate) fn value_of(settings: &Settings, key: &str) -> Option<Json> {
    let mut value = serde_json::to_value(settings).ok()?;
    for part in key.split('.') {
        value = value.get_mut(part)?.take();
    }
    let passed_on = Setting::of(key).is_some_and(|setting| setting.kind == Kind::Properties);
    if let (Json::Object(properties), true) = (&mut value, passed_on) {
        for (_, own) in properties.iter_mut().filter(|(name, _)| is_secret(name)) {
            *own = MASK.into();
        }
    }
    (!value.is_null()).then_some(value)
}

/// Whether a property of librdkafka must not be shown.
fn is_secret(property: &str) -> bool {
    property.contains("password")
        || property.contains("secret")
        || property.ends_with(".pem")
        || property.contains("jaas")
}

/// A text given for a setting, masked where it is a secret.
pub(crate) fn shown<'a>(setting: &Setting, text: &'a str) -> &'a str {
    if setting.secret { MASK } else { text }
}

/// A value as it may have been written.
pub(crate) fn text(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => String::new(),
        ValueKind::String(text) => quoted(text),
        ValueKind::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        ValueKind::Table(_) => "a table".into(),
        other => other.to_string(),
    }
}

/// A text as a JSON string, which is also TOML's.
fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}
