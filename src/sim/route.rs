//! Which of the vendors' paths a request came to.

use super::dialect::Dialect;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// An answer to a prompt.
    Ask(Dialect),
    /// The number of tokens of a prompt.
    Count(Dialect),
    /// vLLM's `/tokenize`.
    Tokenize,
    /// The list of models.
    Models(Dialect),
    /// One model, by its name.
    Model(Dialect, String),
    /// Whether the server is up.
    Health,
    /// Ollama's version.
    Version,
    /// Ollama's list of loaded models.
    Running,
    /// Ollama's account of one model.
    Show,
    /// There is such a path, but for the other method.
    OtherMethod(Dialect),
    /// There is no such path.
    Nowhere(Dialect),
}

impl Route {
    /// Whose errors are spoken there.
    pub fn dialect(&self) -> Dialect {
        match self {
            Route::Ask(dialect)
            | Route::Count(dialect)
            | Route::Models(dialect)
            | Route::Model(dialect, _)
            | Route::OtherMethod(dialect)
            | Route::Nowhere(dialect) => *dialect,
            Route::Tokenize | Route::Health => Dialect::Chat,
            Route::Version | Route::Running | Route::Show => Dialect::Ollama,
        }
    }
}

/// A request's head, as far as it tells the vendors apart.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// True for POST, false for GET.
    pub post: bool,
    /// The path with its query.
    pub path: String,
    /// The header `anthropic-version`.
    pub anthropic_version: Option<String>,
    /// True where the header `x-goog-api-key` is there.
    pub google: bool,
}

impl Head {
    /// A head of these headers (names in any case).
    pub fn new<'h>(
        post: bool,
        path: &str,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Head {
        let mut head = Head {
            post,
            path: path.to_owned(),
            ..Head::default()
        };
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("anthropic-version") {
                head.anthropic_version = Some(value.to_owned());
            }
            head.google |= name.eq_ignore_ascii_case("x-goog-api-key");
        }
        head
    }

    /// True where a stream of Gemini's is to come as one JSON list.
    pub fn wants_list(&self) -> bool {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        !query.split('&').any(|pair| pair == "alt=sse")
    }

    /// True where the path itself asks for a stream, as Gemini's does.
    pub fn wants_stream(&self) -> bool {
        self.bare_path().ends_with(":streamGenerateContent")
    }

    fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// Where it leads. A leading `/v1` or `/v1beta` may be there or not.
    pub fn route(&self) -> Route {
        let path = self.bare_path();
        let beta = path.strip_prefix("/v1beta");
        let route = beta.or_else(|| path.strip_prefix("/v1")).unwrap_or(path);
        let vendor = if self.anthropic_version.is_some() {
            Dialect::Anthropic
        } else if beta.is_some() || self.google {
            Dialect::Gemini
        } else {
            Dialect::Chat
        };
        let (wants_post, found) = match route {
            "/chat/completions" => (true, Route::Ask(Dialect::Chat)),
            "/responses" => (true, Route::Ask(Dialect::Responses)),
            "/responses/input_tokens" => (true, Route::Count(Dialect::Responses)),
            "/messages" => (true, Route::Ask(Dialect::Anthropic)),
            "/messages/count_tokens" => (true, Route::Count(Dialect::Anthropic)),
            "/api/chat" => (true, Route::Ask(Dialect::Ollama)),
            "/api/show" => (true, Route::Show),
            "/api/ps" => (false, Route::Running),
            "/api/tags" => (false, Route::Models(Dialect::Ollama)),
            "/api/version" => (false, Route::Version),
            "/tokenize" => (true, Route::Tokenize),
            "/models" => (false, Route::Models(vendor)),
            "/health" => (false, Route::Health),
            _ => match route.strip_prefix("/models/") {
                Some(rest) => self.model(rest, vendor),
                None => return Route::Nowhere(vendor),
            },
        };
        if wants_post == self.post {
            return found;
        }
        Route::OtherMethod(found.dialect())
    }

    /// `/models/NAME` or Gemini's `/models/NAME:METHOD`; a name may hold colons of its own.
    fn model(&self, rest: &str, vendor: Dialect) -> (bool, Route) {
        if self.post
            && let Some((_, method)) = rest.rsplit_once(':')
        {
            let found = match method {
                "generateContent" | "streamGenerateContent" => Route::Ask(Dialect::Gemini),
                "countTokens" => Route::Count(Dialect::Gemini),
                _ => Route::Nowhere(Dialect::Gemini),
            };
            return (true, found);
        }
        (false, Route::Model(vendor, decoded(rest)))
    }
}

/// The text behind percent escapes; what is no escape stays.
fn decoded(escaped: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = escaped.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        if let (b'%', [high, low, after @ ..]) = (first, others)
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            bytes.push((high * 16 + low) as u8);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(post: bool, path: &str) -> Route {
        Head::new(post, path, []).route()
    }

    #[test]
    fn every_path_leads_to_its_vendor_with_a_version_in_front_or_not() {
        use Dialect::{Anthropic, Chat, Gemini, Ollama, Responses};
        for (path, expected) in [
            ("/chat/completions", Route::Ask(Chat)),
            ("/responses?x=1", Route::Ask(Responses)),
            ("/responses/input_tokens", Route::Count(Responses)),
            ("/messages", Route::Ask(Anthropic)),
            ("/messages/count_tokens?beta=true", Route::Count(Anthropic)),
            ("/models/sim:cliff=64k:generateContent", Route::Ask(Gemini)),
            (
                "/models/m:streamGenerateContent?alt=sse",
                Route::Ask(Gemini),
            ),
            ("/models/sim%3Aperfect:countTokens", Route::Count(Gemini)),
            ("/models/m:embedContent", Route::Nowhere(Gemini)),
            ("/tokenize", Route::Tokenize),
        ] {
            for version in ["", "/v1", "/v1beta"] {
                assert_eq!(route(true, &format!("{version}{path}")), expected, "{path}");
            }
        }
        assert_eq!(route(true, "/api/chat"), Route::Ask(Ollama));
        assert_eq!(route(false, "/api/chat"), Route::OtherMethod(Ollama));
        assert_eq!(route(false, "/messages"), Route::OtherMethod(Anthropic));
        assert_eq!(route(true, "/nowhere"), Route::Nowhere(Chat));
    }

    #[test]
    fn the_list_of_models_is_the_vendors_own_by_path_and_header() {
        let models = |path: &str, header: &str| Head::new(false, path, [(header, "x")]).route();
        assert_eq!(models("/v1/models", "accept"), Route::Models(Dialect::Chat));
        assert_eq!(
            models("/v1/models", "Anthropic-Version"),
            Route::Models(Dialect::Anthropic)
        );
        assert_eq!(
            models("/models", "x-goog-api-key"),
            Route::Models(Dialect::Gemini)
        );
        assert_eq!(
            models("/v1beta/models", "accept"),
            Route::Models(Dialect::Gemini)
        );
        let named = models("/v1beta/models/sim%3acliff%3D64k%2", "accept");
        assert_eq!(
            named,
            Route::Model(Dialect::Gemini, "sim:cliff=64k%2".into())
        );
    }

    #[test]
    fn gemini_streams_by_its_path_and_lists_by_its_query() {
        let head = |path: &str| Head::new(true, path, []);
        let streamed = head("/v1beta/models/m:streamGenerateContent?key=k&alt=sse");
        assert!(streamed.wants_stream() && !streamed.wants_list());
        let listed = head("/v1beta/models/m:streamGenerateContent");
        assert!(listed.wants_stream() && listed.wants_list());
        assert!(!head("/v1beta/models/m:generateContent").wants_stream());
    }
}
