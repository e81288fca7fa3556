//! How the fields beside the prompt are sent: what a server refuses is changed once and stays changed.

use crate::endpoint::Ask;
use crate::endpoint::refusal::Refusal;

/// How the fields beside the prompt are sent. A field that a server refuses is changed once and
/// stays changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// `max_completion_tokens` in place of `max_tokens`.
    pub renamed_budget: bool,
    /// No `temperature`.
    pub no_temperature: bool,
    /// No `stream_options`.
    pub no_stream_options: bool,
    /// Which of a dialect's ways of setting the reasoning effort is in use: models of one provider
    /// take different ones, and refuse the others.
    pub reasoning_way: usize,
}

impl Shape {
    /// What is left out or renamed, in words.
    pub fn adaptations(&self) -> Vec<String> {
        let told = [
            (
                self.renamed_budget,
                "the server refused max_tokens: sent as max_completion_tokens",
            ),
            (
                self.no_temperature,
                "the server refused temperature: left out, so its default applies",
            ),
            (
                self.no_stream_options,
                "the server refused stream_options: left out, so usage may be missing",
            ),
            (
                self.reasoning_way > 0,
                "the server refused one way of setting the reasoning effort: set in another",
            ),
        ];
        let changed = told.iter().filter(|(changed, _)| *changed);
        changed.map(|(_, words)| (*words).to_owned()).collect()
    }

    /// The shape that the refusal asks for; none where it is about something else.
    pub fn adapted(&self, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
        if !matches!(refusal.status, 400 | 422) {
            return None;
        }
        let error = refusal.error();
        let words = error.words();
        if !REFUSING.iter().any(|phrase| words.contains(phrase)) {
            return None;
        }
        let names = |field: &str| match error.param.as_str() {
            "" => words.contains(field),
            param => param == field,
        };
        let mut shape = self.clone();
        if !self.renamed_budget && names("max_tokens") {
            shape.renamed_budget = true;
        } else if !self.no_temperature && ask.temperature.is_some() && names("temperature") {
            shape.no_temperature = true;
        } else if !self.no_stream_options && names("stream_options") {
            shape.no_stream_options = true;
        }
        (shape != *self).then_some(shape)
    }
}

/// Words that say that a field is not known, as against a value out of range.
const REFUSING: &[&str] = &[
    "unsupported",
    "not supported",
    "not support",
    "not permitted",
    "not allowed",
    "unknown",
    "unrecognized",
    "unexpected",
    "extra_forbidden",
    "deprecated",
    "only the default",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rope::Rope;

    fn ask(prompt: Rope) -> Ask {
        Ask {
            system: None,
            earlier: Vec::new(),
            prompt,
            shared_pieces: 0,
            max_output_tokens: 64,
            temperature: Some(0.0),
            reasoning: None,
        }
    }

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal {
            status,
            body: body.to_owned(),
            ..Refusal::default()
        }
    }

    #[test]
    fn refused_fields_are_changed_once_and_values_out_of_range_are_not() {
        let question = ask(Rope::of("q"));
        let budget = refusal(
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
        );
        let warmth = refusal(
            400,
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","param":"temperature"}}"#,
        );
        let stream = refusal(
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
        );
        let mut shape = Shape::default();
        for (at, refused) in [&budget, &warmth, &stream].into_iter().enumerate() {
            shape = shape.adapted(refused, &question).expect("a remedy");
            assert_eq!(shape.adapted(refused, &question), None);
            assert_eq!(shape.adaptations().len(), at + 1);
        }
        let mut silent = question.clone();
        silent.temperature = None;
        assert_eq!(Shape::default().adapted(&warmth, &silent), None);
        for other in [
            refusal(
                400,
                r#"{"error":{"message":"max_tokens is too large: 100000. This model supports at most 16384 completion tokens.","param":"max_tokens"}}"#,
            ),
            refusal(
                400,
                r#"{"error":{"message":"'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens"}}"#,
            ),
            refusal(
                400,
                r#"{"error":{"message":"Unsupported parameter: 'reasoning_effort'","param":"reasoning_effort"}}"#,
            ),
            refusal(500, &budget.body),
        ] {
            assert_eq!(
                Shape::default().adapted(&other, &question),
                None,
                "{}",
                other.body
            );
        }
    }
}
