//! A value as it travels between nodes, in the form that a libSQL server takes and gives (Hrana).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::sql::Value;

/// A value of SQL.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Datum {
    Null,
    /// As text, because numbers of JSON are too small for some.
    Integer {
        #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
        value: i64,
    },
    Float {
        #[serde(deserialize_with = "from_number")]
        value: f64,
    },
    Text {
        value: String,
    },
    Blob {
        #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
        base64: Vec<u8>,
    },
}

impl Datum {
    pub(crate) fn integer(&self) -> Option<i64> {
        if let Self::Integer { value } = self { Some(*value) } else { None }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text { value } = self { Some(value) } else { None }
    }

    pub(crate) fn blob(&self) -> Option<&[u8]> {
        if let Self::Blob { base64 } = self { Some(base64) } else { None }
    }
}

impl From<&Value> for Datum {
    fn from(value: &Value) -> Self {
        match value.clone() {
            Value::Null => Self::Null,
            Value::Integer(value) => Self::Integer { value },
            Value::Real(value) => Self::Float { value },
            Value::Text(value) => Self::Text { value },
            Value::Blob(base64) => Self::Blob { base64 },
        }
    }
}

impl From<Datum> for Value {
    fn from(datum: Datum) -> Self {
        match datum {
            Datum::Null => Self::Null,
            Datum::Integer { value } => Self::Integer(value),
            Datum::Float { value } => Self::Real(value),
            Datum::Text { value } => Self::Text(value),
            Datum::Blob { base64 } => Self::Blob(base64),
        }
    }
}

impl From<i64> for Datum {
    fn from(value: i64) -> Self {
        Self::Integer { value }
    }
}

impl From<&str> for Datum {
    fn from(value: &str) -> Self {
        Self::Text { value: value.to_owned() }
    }
}

impl From<String> for Datum {
    fn from(value: String) -> Self {
        Self::Text { value }
    }
}

impl From<Vec<u8>> for Datum {
    fn from(base64: Vec<u8>) -> Self {
        Self::Blob { base64 }
    }
}

/// By way of the library's own type, which alone reads a number that it holds back to see its tag first.
fn from_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    number.as_f64().ok_or_else(|| D::Error::custom("it is no number of SQL"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn as_text<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn as_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
}

/// Servers leave the padding out, and may put it in.
fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_comes_back_as_it_went() {
        let values =
            [Value::Null, i64::MIN.into(), 0.1.into(), "a\0'\u{1f4ee}".to_owned().into(), vec![0, 255, 1, 2].into()];
        for value in values {
            let told = serde_json::to_string(&Datum::from(&value)).expect("it serializes");
            let datum: Datum = serde_json::from_str(&told).expect("it is read");
            assert_eq!(Value::from(datum), value, "{told}");
        }
    }

    #[test]
    fn the_form_is_that_of_the_server() {
        let told = |datum: Datum| serde_json::to_string(&datum).expect("it serializes");
        assert_eq!(told(7.into()), r#"{"type":"integer","value":"7"}"#);
        assert_eq!(told(vec![1, 2, 3, 4].into()), r#"{"type":"blob","base64":"AQIDBA"}"#);
        let padded: Datum = serde_json::from_str(r#"{"type":"blob","base64":"AQIDBA=="}"#).expect("it is read");
        assert_eq!(padded.blob(), Some(&[1, 2, 3, 4][..]));
    }
}
