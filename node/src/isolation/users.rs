//! Whom programs run as.
//!
//! A node that is not root can only run them as itself. One that is root does not, unless it is told to: it gives each task that has programs here a user of
//! its own, a bare number out of a range that nobody has. So the kernel keeps tasks apart as it keeps people apart: files, signals, `/proc`, limits on processes. `nobody`
//! would be one user for all of them, and for every other service that uses it.

use std::fmt;
use std::str::FromStr;

use nix::unistd::{Gid, Uid, User};
use uuid::Uuid;

use super::Error;
use crate::supervisor::confinement::Identity;

/// 1,900,000,000 and the 65,536 above: beyond what distributions give to people, services and containers (systemd lists its ranges up to 0x6fffffff),
/// below 2^31, where old tools see negative numbers.
const FIRST: u32 = 1_900_000_000;
const COUNT: u32 = 65_536;

/// The setting `run_as`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAs {
    /// The node's own user.
    Node,
    Name(String),
    Ids {
        uid: u32,
        gid: u32,
    },
    /// One of these for each task: first and last.
    Range {
        first: u32,
        last: u32,
    },
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a user: a name, UID, UID:GID, a range FIRST-LAST of numbers (one for each task), or `node` for the node's own"
)]
pub struct NotAUser(String);

impl FromStr for RunAs {
    type Err = NotAUser;

    fn from_str(text: &str) -> Result<Self, NotAUser> {
        let wrong = || NotAUser(text.to_owned());
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        let begins_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
        if text == "node" {
            return Ok(RunAs::Node);
        }
        if begins_with_digit && let Some((first, last)) = text.split_once('-') {
            let (first, last) = (number(first)?, number(last)?);
            // u32::MAX means "leave as it is" to the kernel
            return if 0 < first && first <= last && last < u32::MAX {
                Ok(RunAs::Range { first, last })
            } else {
                Err(wrong())
            };
        }
        if begins_with_digit {
            let (uid, gid) = text.split_once(':').unwrap_or((text, text));
            return Ok(RunAs::Ids { uid: number(uid)?, gid: number(gid)? });
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
        if text.is_empty() || text.starts_with('-') || !text.chars().all(plain) {
            return Err(wrong());
        }
        Ok(RunAs::Name(text.to_owned()))
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunAs::Node => f.write_str("node"),
            RunAs::Name(name) => f.write_str(name),
            RunAs::Ids { uid, gid } => write!(f, "{uid}:{gid}"),
            RunAs::Range { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

impl<'de> serde::Deserialize<'de> for RunAs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(uid) => uid.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Whom programs run as on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Users {
    /// The node's own user, and why no other.
    Own {
        why: String,
    },
    Named {
        identity: Identity,
        name: Option<String>,
        home: Option<String>,
    },
    /// `first` and so many from there: one for each task.
    Range {
        first: u32,
        count: u32,
    },
}

impl Users {
    pub(super) fn find(run_as: Option<&RunAs>) -> Result<Self, Error> {
        let own = |why: &str| Users::Own { why: why.to_owned() };
        let is_root = nix::unistd::geteuid().is_root();
        match run_as {
            Some(RunAs::Node) => return Ok(own("run_as is `node`")),
            Some(run_as) if !is_root => {
                let own = [nix::unistd::geteuid().as_raw()];
                let is_own = find(run_as)?.is_some_and(|(identity, ..)| own.contains(&identity.uid));
                if !is_own {
                    return Err(Error::NotRoot { run_as: run_as.to_string() });
                }
            }
            None | Some(_) => {}
        }
        if !is_root {
            return Ok(own("the node is not root"));
        }
        let Some(run_as) = run_as else { return Ok(Users::Range { first: FIRST, count: COUNT }) };
        match (find(run_as)?, run_as) {
            (Some((Identity { uid: 0, .. }, ..)), _) => Ok(own("run_as is root")),
            (Some((identity, name, home)), _) => Ok(Users::Named { identity, name, home }),
            (None, RunAs::Range { first, last }) => {
                Ok(Users::Range { first: *first, count: last - first + 1 })
            }
            (None, _) => Err(Error::NoUser { run_as: run_as.to_string() }),
        }
    }

    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Users::Own { .. })
    }

    /// Who a program is; `uid` is its task's where they are a range. None: the node's own.
    pub(crate) fn identity(&self, uid: Option<u32>) -> Option<Identity> {
        match self {
            Users::Own { .. } => None,
            Users::Named { identity, .. } => Some(identity.clone()),
            Users::Range { first, .. } => {
                let uid = uid.unwrap_or(*first);
                Some(Identity { uid, gid: uid, groups: Vec::new() })
            }
        }
    }

    /// Some user of theirs, to see what they can reach.
    pub(super) fn sample(&self) -> Option<Identity> {
        self.identity(None)
    }

    /// A user for a task that no other task with programs here has: the first free one from where the task's id points to. The first of the range is kept for
    /// what belongs to no task. None where they are not a range or all are taken.
    pub(crate) fn choose(&self, task: Uuid, is_taken: impl Fn(u32) -> bool) -> Option<u32> {
        let Users::Range { first, count } = self else { return None };
        let others = count.saturating_sub(1);
        if others == 0 {
            return None;
        }
        let begin = (task.as_u128() % u128::from(others)) as u32;
        (0..others).map(|step| first + 1 + (begin + step) % others).find(|uid| !is_taken(*uid))
    }
}

type Found = (Identity, Option<String>, Option<String>);

/// The user, its name and its home; None for a range, and for what is not there.
fn find(run_as: &RunAs) -> Result<Option<Found>, Error> {
    match run_as {
        RunAs::Node | RunAs::Range { .. } => Ok(None),
        RunAs::Name(name) => {
            let none = || Error::NoUser { run_as: run_as.to_string() };
            let user = User::from_name(name).ok().flatten().ok_or_else(none)?;
            Ok(Some(known(user, None)))
        }
        RunAs::Ids { uid, gid } => Ok(Some(match User::from_uid(Uid::from_raw(*uid)).ok().flatten() {
            Some(user) => known(user, Some(*gid)),
            None => (Identity { uid: *uid, gid: *gid, groups: Vec::new() }, None, None),
        })),
    }
}

fn known(user: User, gid: Option<u32>) -> Found {
    let gid = gid.unwrap_or(user.gid.as_raw());
    let name = std::ffi::CString::new(user.name.clone()).unwrap_or_default();
    let groups = nix::unistd::getgrouplist(&name, Gid::from_raw(gid)).unwrap_or_default();
    let groups = groups.into_iter().map(Gid::as_raw).filter(|group| *group != gid).collect();
    let identity = Identity { uid: user.uid.as_raw(), gid, groups };
    (identity, Some(user.name), user.dir.to_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_as_is_a_name_numbers_a_range_or_the_node() {
        for (text, expected) in [
            ("node", RunAs::Node),
            ("www-data", RunAs::Name("www-data".into())),
            ("1000", RunAs::Ids { uid: 1000, gid: 1000 }),
            ("1000:7", RunAs::Ids { uid: 1000, gid: 7 }),
            ("2000-2999", RunAs::Range { first: 2000, last: 2999 }),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["", "-1", "a b", "../x", "1000:", "0-9", "9-1", "1-4294967295", "7x", "a:b"] {
            assert!(text.parse::<RunAs>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_task_has_the_user_its_id_points_to_unless_another_task_has_it() {
        let users = Users::Range { first: 100, count: 4 };
        let task = Uuid::from_u128(7);

        assert_eq!(users.choose(task, |_| false), Some(102));
        assert_eq!(users.choose(task, |uid| uid == 102), Some(103));
        assert_eq!(users.choose(task, |uid| uid >= 102), Some(101), "100 is nobody's");
        assert_eq!(users.choose(task, |_| true), None);
        assert_eq!(Users::Own { why: String::new() }.choose(task, |_| false), None);
    }

    #[test]
    fn a_node_that_is_not_root_can_only_be_itself() {
        let own = nix::unistd::geteuid();
        let found = Users::find(None).unwrap();
        assert_eq!(found.is_own(), !own.is_root());
        if !own.is_root() {
            let other = RunAs::Ids { uid: own.as_raw() + 1, gid: 1 };
            assert!(matches!(Users::find(Some(&other)), Err(Error::NotRoot { .. })));
        }
        assert!(Users::find(Some(&RunAs::Node)).unwrap().is_own());
        let nobody = RunAs::Name("no-such-user-here".into());
        assert!(matches!(Users::find(Some(&nobody)), Err(Error::NoUser { .. })));
    }
}
