//! One page, asked for some times.

use std::fmt;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::addresses::{Ask, Door};
use crate::server::Server;

/// All parts of a live page are rendered before the first is sent: after a silence as long as this the first look is whole.
const SILENCE: Duration = Duration::from_millis(40);

pub(crate) struct Timed {
    pub(crate) name: String,
    pub(crate) path: String,
    door: Door,
    pub(crate) median_ms: f64,
    worst_ms: f64,
    bytes: usize,
}

/// The first time is to warm up and does not count.
pub(crate) async fn time(server: &Server, ask: &Ask, times: usize) -> Outcome<Timed> {
    let (_, mut bytes) = once(server, ask).await?;
    let mut took_ms = Vec::with_capacity(times);
    for _ in 0..times {
        let (took, size) = once(server, ask).await?;
        took_ms.push(took.as_secs_f64() * 1000.0);
        bytes = size;
    }
    took_ms.sort_by(f64::total_cmp);
    Ok(Timed {
        name: ask.name.clone(),
        path: ask.path.clone(),
        door: ask.door,
        median_ms: took_ms[took_ms.len() / 2],
        worst_ms: took_ms[took_ms.len() - 1],
        bytes,
    })
}

async fn once(server: &Server, ask: &Ask) -> Outcome<(Duration, usize)> {
    let begin = Instant::now();
    match ask.door {
        Door::Page => {
            let bytes = server.page(&ask.path).await?.bytes().await?.len();
            Ok((begin.elapsed(), bytes))
        }
        Door::Api => {
            let bytes = server.api(&ask.path).await?.bytes().await?.len();
            Ok((begin.elapsed(), bytes))
        }
        Door::Live => {
            let mut stream = server.page(&ask.path).await?;
            let (mut text, mut last) = (Vec::new(), begin.elapsed());
            loop {
                let chunk = match has_part(&text) {
                    false => stream.chunk().await?,
                    true => match tokio::time::timeout(SILENCE, stream.chunk()).await {
                        Ok(chunk) => chunk?,
                        Err(_) => break,
                    },
                };
                // of what is over there is an end to tell
                let Some(chunk) = chunk else { break };
                text.extend(chunk);
                last = begin.elapsed();
            }
            Ok((last, text.len()))
        }
    }
}

fn has_part(text: &[u8]) -> bool {
    const PART: &[u8] = b"event: swap";
    text.windows(PART.len()).any(|window| window == PART)
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timed { name, path: _, door, median_ms, worst_ms, bytes } = self;
        let door = match door {
            Door::Page => "page",
            Door::Live => "live",
            Door::Api => "api",
        };
        write!(f, "{door:<9} {name:<52} {median_ms:>9.1} {worst_ms:>9.1} {bytes:>11}")
    }
}
