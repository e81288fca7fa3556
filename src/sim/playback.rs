//! Sends the chunks of an answer one after another, with the silences and breaks that belong to it.

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use std::io;
use std::time::Duration;

/// How long a connection stays open after the last that is heard of it.
const BEFORE_BREAK: Duration = Duration::from_millis(20);

/// Something that happens between two chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Silence for a time.
    For(Duration),
    /// Silence until the client leaves.
    Ever,
    /// These bytes, this often, until the client leaves.
    Ping(Bytes, Duration),
    /// The connection breaks.
    Break,
}

/// How the chunks of an answer come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tempo {
    /// What happens before which chunk (counted from 0; as many as there are is after the last).
    pub pause: Option<(usize, Pause)>,
    /// Waited between two chunks, so that each of them travels alone.
    pub between: Duration,
}

impl Tempo {
    /// True where nothing but the chunks comes, and at once.
    pub fn is_plain(&self) -> bool {
        *self == Tempo::default()
    }
}

/// The chunks as they come. Must be polled within a tokio runtime.
pub fn playback(
    chunks: Vec<Bytes>,
    tempo: Tempo,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let start = (chunks.into_iter(), 0, tempo, false);
    stream::unfold(start, |(mut chunks, next, mut tempo, ended)| async move {
        if ended {
            return None;
        }
        if next > 0 && !tempo.between.is_zero() {
            tokio::time::sleep(tempo.between).await;
        }
        if let Some((_, pause)) = tempo.pause.take_if(|(at, _)| *at == next) {
            match pause {
                Pause::For(time) => tokio::time::sleep(time).await,
                Pause::Ever => std::future::pending().await,
                Pause::Ping(bytes, every) => {
                    tokio::time::sleep(every).await;
                    tempo.pause = Some((next, Pause::Ping(bytes.clone(), every)));
                    return Some((Ok(bytes), (chunks, next, tempo, false)));
                }
                Pause::Break => {
                    // What went before must be on its way, or it breaks with the rest.
                    tokio::time::sleep(BEFORE_BREAK).await;
                    let broken = io::Error::from(io::ErrorKind::ConnectionReset);
                    return Some((Err(broken), (chunks, next, tempo, true)));
                }
            }
        }
        let chunk = chunks.next()?;
        Some((Ok(chunk), (chunks, next + 1, tempo, false)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use std::time::Instant;

    fn chunks() -> Vec<Bytes> {
        ["a", "b", "c"].map(Bytes::from).to_vec()
    }

    fn paused(at: usize, pause: Pause) -> Tempo {
        Tempo {
            pause: Some((at, pause)),
            ..Tempo::default()
        }
    }

    /// What comes within a time, as text, and whether the end came too. An error is an `!`.
    async fn heard(tempo: Tempo, within: Duration) -> (String, bool) {
        let mut said = String::new();
        let mut playing = Box::pin(playback(chunks(), tempo));
        let ended = tokio::time::timeout(within, async {
            while let Some(chunk) = playing.next().await {
                match chunk {
                    Ok(chunk) => said.push_str(&String::from_utf8_lossy(&chunk)),
                    Err(_) => said.push('!'),
                }
            }
        });
        let ended = ended.await.is_ok();
        (said, ended)
    }

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn without_a_pause_all_chunks_come_at_once() {
        assert!(Tempo::default().is_plain());
        assert_eq!(heard(Tempo::default(), LONG).await, ("abc".into(), true));
    }

    #[tokio::test]
    async fn silences_last_as_long_as_they_say() {
        for at in 0..=3 {
            let clock = Instant::now();
            let told = heard(paused(at, Pause::For(SHORT)), LONG).await;
            assert_eq!(told, ("abc".into(), true));
            assert!(clock.elapsed() >= SHORT);
            let told = heard(paused(at, Pause::Ever), SHORT).await;
            assert_eq!(told, ("abc"[..at].into(), false));
        }
    }

    #[tokio::test]
    async fn signs_of_life_never_end() {
        let ping = Pause::Ping(Bytes::from("."), Duration::from_millis(5));
        let (said, ended) = heard(paused(1, ping), Duration::from_millis(100)).await;
        assert!(
            said.starts_with("a.") && !said.contains('b') && !ended,
            "{said}"
        );
    }

    #[tokio::test]
    async fn a_break_is_the_last_that_is_heard() {
        assert_eq!(
            heard(paused(2, Pause::Break), LONG).await,
            ("ab!".into(), true)
        );
    }

    #[tokio::test]
    async fn chunks_can_be_kept_apart() {
        let tempo = Tempo {
            between: SHORT,
            ..Tempo::default()
        };
        let clock = Instant::now();
        assert_eq!(heard(tempo, LONG).await, ("abc".into(), true));
        assert!(clock.elapsed() >= SHORT * 2);
    }
}
