//! `lp token list|create|revoke`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use lp_protocol::client::PageQuery;
use lp_protocol::views::{CreateToken, MAX_PAGE, Role, TokenView};

use super::confirm::Yes;
use super::{Session, args};
use crate::cli::Format;
use crate::failure::Failure;
use crate::output::text;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List the tokens: what each may do, until when, and when it was last used
    #[command(after_help = "Examples:\n  lp token list\n  lp token list -o wide\n\n\
        When a token was last used is known by the minute. Secrets are not shown: the manager keeps only their hashes.")]
    List(List),
    /// Make a token; its secret is printed once, and alone
    #[command(
        after_help = "Examples:\n  lp token create dashboard --role reader   sees everything, changes nothing\n  \
        lp token create ci --role administrator --expire-after 90d\n  \
        lp token create ci --role administrator > ci.token\n  \
        LP_TOKEN=$(cat ci.token) lp status"
    )]
    Create(Create),
    /// Take tokens away for good: they are refused from then on
    #[command(after_help = "Examples:\n  lp token revoke ci\n  lp token revoke ci dashboard -y\n\n\
        The last administrator's token that does not expire cannot be revoked. A manager that finds the token of its own\n\
        directory revoked makes another at its next start.")]
    Revoke(Revoke),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Largest number of tokens; 0: all
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    limit: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Word {
    /// Everything
    Administrator,
    /// See everything but tokens, and change nothing
    Reader,
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    #[command(flatten)]
    name: Name,
    /// What it may do
    #[arg(short = 'R', long, value_enum, value_name = "ROLE")]
    role: Word,
    /// How long it is good for: 12h, 90d; left out: until it is revoked
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    expire_after: Option<Duration>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Name {
    /// What it is called; no other has the name
    #[arg(value_name = "NAME")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(id = "name", short = 'n', long = "name", value_name = "NAME", hide_short_help = true)]
    flag: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Revoke {
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    yes: Yes,
}

/// One token or more.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct Tokens {
    /// Names, ids, or beginnings of ids
    #[arg(value_name = "TOKEN")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(id = "name", short = 'n', long = "name", value_name = "TOKEN", hide_short_help = true)]
    flag: Vec<String>,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => self::list(session, list).await,
        Verb::Create(create) => self::create(session, create).await,
        Verb::Revoke(revoke) => self::revoke(session, revoke).await,
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let mut left = if list.limit == 0 { u32::MAX } else { list.limit };
    let mut query = PageQuery { cursor: None, limit: None };
    let mut rows = session.out.list::<TokenView>();
    loop {
        query.limit = Some(left.min(MAX_PAGE));
        let page = client.list_tokens(&query).await?;
        for token in &page.items {
            rows.push(token)?;
        }
        left = left.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() || left == 0 {
            return rows.finish();
        }
    }
}

async fn create(session: &Session, create: Create) -> Result<(), Failure> {
    let Create { name: Name { bare, flag }, role, expire_after } = create;
    let body = CreateToken {
        name: bare.or(flag).unwrap_or_default(),
        role: match role {
            Word::Administrator => Role::Administrator,
            Word::Reader => Role::Reader,
        },
        expire_after: expire_after.map(|after| after.as_secs_f64()),
    };
    let made = session.client()?.create_token(&body).await?;
    match session.out.format {
        // a name leads to nothing where the secret is lost
        Format::Table | Format::Wide | Format::Name => session.out.line(&text::visible(&made.secret))?,
        Format::Json | Format::Jsonl | Format::Yaml => session.out.document(&made, String::new)?,
    }
    let token = &made.token;
    let until = token.expire_at.map_or_else(
        || "good until it is revoked".to_owned(),
        |at| format!("good until {}", text::exact(at)),
    );
    session.out.note(&format!(
        "made the token {} ({}), {until}; the secret is not shown again",
        text::visible(&token.name),
        token.role
    ));
    Ok(())
}

async fn revoke(session: &Session, revoke: Revoke) -> Result<(), Failure> {
    let client = session.client()?;
    let Revoke { tokens: Tokens { bare, flag }, yes } = revoke;
    session
        .each(&[bare, flag].concat(), async |token| {
            let token = client.fetch_token(token).await?;
            let name = text::visible(&token.name).into_owned();
            let (id, short) = (token.token_id.to_string(), token.token_id.short());
            for warning in consequences(&token) {
                session.out.warn(warning);
            }
            let used = token.used_at.map_or_else(
                || "never used".to_owned(),
                |at| format!("last used {}", session.out.look().time(at)),
            );
            yes.confirm(session, &format!("revoke the token {name} ({short}, {used})")).await?;
            client.revoke_token(&id).await?;
            session.out.note(&format!("revoked the token {name}: it is refused from now on"));
            Ok(())
        })
        .await
}

/// What stops working with it and might be forgotten.
fn consequences(token: &TokenView) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if token.created_by.is_none() {
        warnings.push(
            "a manager keeps this token in its directory: commands on its machine and the sign-in links of `lp up` fail until it is started again and makes another",
        );
    }
    if token.current {
        warnings.push("this command uses this token itself");
    }
    warnings
}
