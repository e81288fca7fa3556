//! A question as a body: a head, the rope's own slices, and a tail of fields.

use crate::endpoint::wire::Body;
use crate::rope::{Piece, Rope};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A body that is put together around a prompt without copying it.
#[derive(Debug, Default)]
pub struct Letter {
    slices: Vec<Bytes>,
    /// The body's own text behind them, gathered so that short pieces become one slice.
    own: String,
}

impl Letter {
    /// Begins with this text, which opens the JSON object and holds whatever precedes the prompt.
    pub fn new(head: String) -> Letter {
        Letter {
            slices: Vec::new(),
            own: head,
        }
    }

    /// Puts text of the body's own behind what is there.
    pub fn text(mut self, text: impl AsRef<str>) -> Letter {
        self.own.push_str(text.as_ref());
        self
    }

    /// Ends the body's own text, behind which shared slices follow.
    fn closed(mut self) -> Letter {
        if !self.own.is_empty() {
            self.slices.push(Bytes::from(std::mem::take(&mut self.own)));
        }
        self
    }

    /// Puts prompt pieces behind what is there, escaped, shared and not copied.
    pub fn pieces<'p>(self, pieces: impl IntoIterator<Item = &'p Piece>) -> Letter {
        let pieces = pieces.into_iter();
        self.slices(pieces.map(|piece| piece.json.clone()))
    }

    /// Puts slices of escaped text behind what is there.
    pub fn slices(self, slices: impl IntoIterator<Item = Bytes>) -> Letter {
        let mut letter = self.closed();
        letter.slices.extend(slices);
        letter
    }

    /// Puts a whole prompt behind what is there.
    pub fn rope(self, rope: &Rope) -> Letter {
        self.pieces(rope.pieces())
    }

    /// Ends the body with these fields, over which the user's own `params` win: objects are
    /// merged, `null` takes a field out, anything else replaces it.
    pub fn sealed(self, mut fields: Map<String, Value>, params: &[(String, Value)]) -> Body {
        for (name, value) in params {
            merge(&mut fields, name, value);
        }
        let fields = Value::Object(fields).to_string();
        let tail = match &fields[1..] {
            "}" => "}".to_owned(),
            rest => format!(",{rest}"),
        };
        Body {
            slices: self.text(tail).closed().slices,
        }
    }
}

fn merge(fields: &mut Map<String, Value>, name: &str, value: &Value) {
    match (fields.get_mut(name), value) {
        (_, Value::Null) => {
            fields.shift_remove(name);
        }
        (Some(Value::Object(inner)), Value::Object(more)) => {
            for (name, value) in more {
                merge(inner, name, value);
            }
        }
        _ => {
            fields.insert(name.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sealed(fields: Value, params: &[(&str, Value)]) -> Value {
        let Value::Object(fields) = fields else {
            unreachable!("an object")
        };
        let params: Vec<_> = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let letter = Letter::new("{\"prompt\":\"".to_owned());
        let letter = letter.rope(&Rope::of("say \"hi\"")).text("\"");
        let body = letter.sealed(fields, &params);
        serde_json::from_slice(&body.slices.concat()).expect("valid JSON")
    }

    #[test]
    fn the_users_own_fields_win_are_merged_and_take_fields_out() {
        assert_eq!(sealed(json!({}), &[]), json!({"prompt": "say \"hi\""}));
        assert_eq!(
            sealed(
                json!({"temperature": 0, "options": {"num_ctx": 8, "seed": 1}}),
                &[
                    ("temperature", Value::Null),
                    ("options", json!({"num_ctx": 9, "top_k": 1, "seed": null})),
                    ("provider", json!({"only": ["x"]})),
                ]
            ),
            json!({
                "prompt": "say \"hi\"",
                "options": {"num_ctx": 9, "top_k": 1},
                "provider": {"only": ["x"]},
            })
        );
    }
}
