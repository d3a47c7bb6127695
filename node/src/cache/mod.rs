//! Unpacked packages, by digest.
//!
//! `cache/app-<digest>/` and `cache/venv-<digest>/`, each made once and shared by every attempt that uses it. A directory under such a name is
//! complete: it was unpacked beside and renamed. What an attempt holds is pinned and never evicted; of the rest the least recently used goes
//! when the cache, with what is being downloaded and unpacked, would be over its size.

mod adapt;
mod conda_script;
mod fetch;
mod index;
mod keep;
pub(crate) mod python;
mod size;
mod venv;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lp_protocol::PreparingKind;
use lp_protocol::env::EnvRecipe;
use lp_protocol::frames::{AssignedEnv, Assignment, PackageNews, PackageRef};

pub(crate) use index::Pin;

use crate::data::Layout;
use crate::envs::{Envs, Steps};
use crate::http::Manager;
use crate::runner::launch::Prepared;
use crate::sync::lock;
use index::{Id, Index, Kind, Room};

/// Why a package is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Worth trying again.
    #[error("fetch package {digest}")]
    Fetch { digest: String, source: crate::http::Error },
    #[error("fetch package {digest}")]
    Broken { digest: String, source: std::io::Error },
    /// The sentence for the attempt's exit.
    #[error("{0}")]
    Never(String),
}

impl Error {
    /// The manager says that this node may not have it.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Error::Fetch { source: crate::http::Error::Refused { .. }, .. })
            && !self.is_transient()
    }

    /// Bytes came and were not the package's.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Error::Broken { source, .. } if source.kind() == std::io::ErrorKind::InvalidData)
    }

    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Error::Fetch { source, .. } => source.is_transient(),
            Error::Broken { .. } => true,
            Error::Never(_) => false,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    layout: Layout,
    manager: Manager,
    index: Arc<Mutex<Index>>,
    /// Those that are built from locks.
    pub(crate) envs: Arc<Envs>,
    /// One maker per directory; the others wait for it.
    makers: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
}

impl Cache {
    /// Takes over what an earlier process left, and sweeps what it left half-made.
    pub(crate) fn open(layout: Layout, manager: Manager, limit_bytes: u64, envs: Arc<Envs>) -> Self {
        let index = keep::load(&layout.cache(), limit_bytes);
        // it may be larger than the configuration says by now
        index.bell().notify_one();
        Self { layout, manager, index: Arc::new(Mutex::new(index)), envs, makers: Mutex::default() }
    }

    /// Keeps the packages of an assignment in the cache, now or once they are there, for as long as the pins live.
    pub(crate) fn pins(&self, assignment: &Assignment) -> Vec<Pin> {
        let mut pins = vec![index::pin(&self.index, Id::new(Kind::App, &assignment.app.digest))];
        let venv = match &assignment.env {
            Some(AssignedEnv::Package(venv)) => Some(venv.clone()),
            Some(AssignedEnv::Built(recipe)) => self.envs.find(recipe),
            Some(AssignedEnv::Path(_)) | None => None,
        };
        pins.extend(venv.map(|venv| self.pin_venv(&venv)));
        pins
    }

    fn pin_venv(&self, venv: &PackageRef) -> Pin {
        index::pin(&self.index, Id::new(Kind::Venv, &venv.digest))
    }

    /// The packages of an assignment, if all are unpacked. Touches no file.
    pub(crate) fn find_ready(&self, assignment: &Assignment) -> Option<Prepared> {
        let app = Id::new(Kind::App, &assignment.app.digest);
        let built = match &assignment.env {
            Some(AssignedEnv::Built(recipe)) => Some(self.envs.find(recipe)?),
            Some(AssignedEnv::Package(_) | AssignedEnv::Path(_)) | None => None,
        };
        let mut index = lock(&self.index);
        let venv = match &assignment.env {
            Some(AssignedEnv::Built(_)) => {
                Some(index.find(&Id::new(Kind::Venv, built.as_ref().map(|built| built.digest.as_str())?))?)
            }
            None => None,
            Some(AssignedEnv::Package(venv)) => Some(index.find(&Id::new(Kind::Venv, &venv.digest))?),
            Some(AssignedEnv::Path(path)) => Some(index.find_inner(&app, path)?),
        };
        Some(Prepared { app: index.find(&app)?, venv, built })
    }

    /// Fetches and unpacks what is missing. Any number may ask for the same at once; it is made once.
    pub(crate) async fn prepare(
        &self,
        assignment: &Assignment,
        steps: &Steps,
    ) -> Result<(Prepared, Vec<Pin>), Error> {
        let app = self.package(Kind::App, &assignment.app, steps).await?;
        if let Some(AssignedEnv::Built(recipe)) = &assignment.env {
            return self.built(assignment, recipe, app, steps).await;
        }
        let venv = match &assignment.env {
            Some(AssignedEnv::Built(_)) => None,
            None => None,
            Some(AssignedEnv::Package(venv)) => Some(self.package(Kind::Venv, venv, steps).await?),
            Some(AssignedEnv::Path(path)) => Some(self.inner_venv(assignment, &app, path).await?),
        };
        Ok((Prepared { app, venv, built: None }, Vec::new()))
    }

    /// With an environment that is built from a lock: here, elsewhere, or long ago.
    async fn built(
        &self,
        assignment: &Assignment,
        recipe: &EnvRecipe,
        app: PathBuf,
        steps: &Steps,
    ) -> Result<(Prepared, Vec<Pin>), Error> {
        let pin = index::pin(&self.index, Id::new(Kind::App, &assignment.app.digest));
        let obtained = self.envs.obtain(&assignment.attempt, recipe, (&app, pin), steps).await;
        let package = obtained.map_err(Error::Never)?;
        let pin = self.pin_venv(&package);
        match self.package(Kind::Venv, &package, steps).await {
            Ok(venv) => Ok((Prepared { app, venv: Some(venv), built: Some(package) }, vec![pin])),
            Err(error) => {
                // perhaps it was deleted since we were told of it: the next try asks again
                self.envs.forget(recipe);
                Err(error)
            }
        }
    }

    async fn package(&self, kind: Kind, package: &PackageRef, steps: &Steps) -> Result<PathBuf, Error> {
        if !is_digest(&package.digest) {
            return Err(Error::Never(format!(
                "`{}` is not a digest of a package",
                package.digest.escape_debug()
            )));
        }
        let id = Id::new(kind, &package.digest);
        let path = self.layout.cache().join(id.dir_name());
        if let Some(found) = lock(&self.index).find(&id) {
            return Ok(found);
        }
        steps.begin(PreparingKind::Fetch, kind.word());
        let maker = self.maker(&path);
        let making = maker.lock().await;
        let found = lock(&self.index).find(&id);
        let result = match found {
            Some(found) => Ok(found),
            None => self.make(kind, &id, package, (&path, steps)).await,
        };
        if let Err(error @ Error::Never(_)) = &result {
            lock(&self.index).fail(id, error.to_string());
        }
        drop(making);
        self.let_go(&path, &maker);
        result
    }

    async fn make(
        &self,
        kind: Kind,
        id: &Id,
        package: &PackageRef,
        (path, steps): (&Path, &Steps),
    ) -> Result<PathBuf, Error> {
        let archive = self.layout.cache().join(format!("{}{}", fetch::PREFIX, id.dir_name()));
        let mut room = self.room(package.size_bytes).await?;
        fetch::download(&self.manager, &archive, package).await?;
        steps.begin(PreparingKind::Unpack, kind.word());
        let (dest, index, size_bytes) = (path.to_owned(), Arc::clone(&self.index), package.size_bytes);
        let unpacked = tokio::task::spawn_blocking(move || {
            let result = venv::unpack(&archive, &dest, kind, &mut grow(&index, &mut room, size_bytes));
            // unpacked or refused, it is not needed again
            let _ = std::fs::remove_file(&archive);
            let bytes = result.map(|()| size::count(&dest))?;
            size::write(&dest, bytes);
            Ok::<_, Error>((room, bytes))
        });
        let (room, bytes) = unpacked
            .await
            .map_err(|error| Error::Never(format!("unpacking its package failed: {error}")))??;
        tracing::info!(package.kind = kind.word(), package.digest = %package.digest, size_bytes = bytes, "unpacked a package");
        lock(&self.index).insert(id.clone(), path.to_owned(), bytes, python_of(id, path));
        drop(room);
        self.tidy().await;
        Ok(path.to_owned())
    }

    /// Space for so many bytes, made free as far as what is idle allows.
    async fn room(&self, bytes: u64) -> Result<Room, Error> {
        let mut room = Room::new(&self.index);
        room.resize(size::blocks(bytes));
        self.tidy().await;
        Ok(room)
    }

    async fn tidy(&self) {
        let aside = keep::set_aside(&self.index);
        if !aside.is_empty() {
            // deleted by the time that more is written; a panic in there is no reason not to go on
            let _ = tokio::task::spawn_blocking(move || keep::delete(aside)).await;
        }
    }

    /// The venv at a path of the app: a directory, or an archive beside it that is unpacked there once.
    async fn inner_venv(&self, assignment: &Assignment, app: &Path, inner: &str) -> Result<PathBuf, Error> {
        let id = Id::new(Kind::App, &assignment.app.digest);
        if let Some(found) = lock(&self.index).find_inner(&id, inner) {
            return Ok(found);
        }
        let dest = venv::inner_path(app, inner)?;
        let maker = self.maker(&dest);
        let making = maker.lock().await;
        let made = self.make_inner(&id, app, inner, &dest).await;
        drop(making);
        self.let_go(&dest, &maker);
        made?;
        self.tidy().await;
        Ok(dest)
    }

    async fn make_inner(&self, id: &Id, app: &Path, inner: &str, dest: &Path) -> Result<(), Error> {
        let (app, name, target) = (app.to_owned(), inner.to_owned(), dest.to_owned());
        let (index, mut room) = (Arc::clone(&self.index), Room::new(&self.index));
        let made = tokio::task::spawn_blocking(move || {
            venv::make_inner(&app, &name, &target, &mut grow(&index, &mut room, 0))?;
            let bytes = size::count(&app);
            size::write(&app, bytes);
            Ok::<_, Error>((room, bytes))
        });
        let (room, bytes) =
            made.await.map_err(|error| Error::Never(format!("unpacking its env failed: {error}")))??;
        let mut index = lock(&self.index);
        index.recount(id, bytes);
        index.insert_inner(id, inner, dest.to_owned());
        drop(index);
        drop(room);
        Ok(())
    }

    /// Everything that is there, for a manager that has been told nothing.
    pub(crate) fn inventory(&self) -> PackageNews {
        lock(&self.index).all()
    }

    /// What has changed since the manager was told.
    pub(crate) fn news(&self) -> Option<PackageNews> {
        lock(&self.index).news()
    }

    fn maker(&self, path: &Path) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.makers).entry(path.to_owned()).or_default())
    }

    fn let_go(&self, path: &Path, maker: &Arc<tokio::sync::Mutex<()>>) {
        let mut makers = lock(&self.makers);
        // the map's and the caller's: nobody else waits
        if Arc::strong_count(maker) <= 2 {
            makers.remove(path);
        }
    }
}

/// Name of the file in the cache's directory that an environment's pack is downloaded to; one that is complete is not fetched.
pub(crate) fn download_name(venv: &PackageRef) -> String {
    format!("{}{}", fetch::PREFIX, Id::new(Kind::Venv, &venv.digest).dir_name())
}

/// Lets the room grow with what is unpacked. It is told at least once for each file, which is reason to count a block for each time.
fn grow<'a>(
    index: &'a Mutex<Index>,
    room: &'a mut Room,
    archive_bytes: u64,
) -> impl FnMut(u64) -> ControlFlow<()> + use<'a> {
    let (mut told, mut next) = (0, 0);
    let growth = lock(index).growth_bytes();
    move |bytes| {
        told += 1;
        let taken = size::blocks(archive_bytes) + bytes + told * size::BLOCK_BYTES;
        if taken >= next {
            next = taken + growth;
            room.resize(next);
            keep::delete(keep::set_aside(index));
        }
        ControlFlow::Continue(())
    }
}

/// The Python of a venv, for people.
fn python_of(id: &Id, path: &Path) -> Option<String> {
    match id.kind() {
        Kind::App => None,
        Kind::Venv => adapt::describe(path),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
