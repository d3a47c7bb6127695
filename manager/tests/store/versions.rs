//! Numbers of versions, which is active, which was before, and which may be deleted.

use lp_manager::core::record::{ActionRecord, Changes, TaskRecord};
use lp_manager::store::{Error, InUse, NewPackage, NewVersion, PackageId, PackageUpdate, Store};
use lp_protocol::plan::EnvRef;
use lp_protocol::views::{VersionRef, VersionView};
use lp_protocol::{AppId, Stage, VenvId};

use crate::on_both_backends;
use crate::samples::{Fixture, at, attempt, attempts, digest, finished, package, version};

const PREVIOUS: VersionRef = VersionRef::Previous;

fn number(number: u32) -> VersionRef {
    VersionRef::Number(number)
}

fn update(new: NewVersion, seconds: i64) -> PackageUpdate {
    PackageUpdate { name: None, description: None, version: Some(new), update_at: at(seconds) }
}

impl Fixture {
    fn app(&self) -> PackageId {
        PackageId::App(self.app_id)
    }

    /// Uploads versions 2, 3, ... of the app, of these digests.
    async fn upload(&self, digests: &str) {
        for (index, digest) in digests.chars().enumerate() {
            let update = update(version(digest), 10 * (index as i64 + 1));
            self.store.update_app(self.epoch, self.app_id, update).await.unwrap();
        }
    }

    async fn versions(&self, package: PackageId) -> Vec<VersionView> {
        self.store.list_versions(package, None, None).await.unwrap().items
    }

    async fn activate(&self, package: PackageId, which: VersionRef, seconds: i64) -> u32 {
        self.store.activate_version(self.epoch, package, which, at(seconds)).await.unwrap().number
    }

    async fn delete_version(&self, package: PackageId, which: VersionRef) -> Result<u32, Error> {
        let deleted = self.store.delete_version(self.epoch, package, which, at(500)).await;
        deleted.map(|version| version.number)
    }

    async fn pinned(&self, seq: i64, which: u32) -> TaskRecord {
        let version = self.store.find_version_of(self.app(), number(which)).await.unwrap();
        TaskRecord { version_id: version.version_id, ..self.task(seq) }
    }
}

/// An app's version whose action has this `env`.
fn with_env(digest_of: char, env: EnvRef) -> NewVersion {
    let mut version = version(digest_of);
    version.program.as_mut().unwrap().plan.actions[0].env = Some(env);
    version
}

async fn create_venv(store: &Store, epoch: lp_manager::store::Epoch, digests: &str) -> VenvId {
    let venv_id = VenvId::random();
    let plain = |digest| NewVersion { program: None, ..version(digest) };
    let mut digests = digests.chars();
    let new = NewPackage { version: plain(digests.next().unwrap()), ..package("libs") };
    store.create_venv(epoch, venv_id, new).await.unwrap();
    for (index, digest) in digests.enumerate() {
        store.update_venv(epoch, venv_id, update(plain(digest), 10 * (index as i64 + 1))).await.unwrap();
    }
    venv_id
}

fn numbers(versions: &[VersionView]) -> Vec<u32> {
    versions.iter().map(|version| version.number).collect()
}

on_both_backends! {
    async fn versions_are_numbered_within_their_package_and_the_newest_upload_is_active(db) {
        let fixture = Fixture::new(&db).await;
        let venv_id = create_venv(&fixture.store, fixture.epoch, "xy").await;
        fixture.upload("bc").await;

        let versions = fixture.versions(fixture.app()).await;

        assert_eq!(numbers(&versions), [3, 2, 1]);
        assert_eq!(versions.iter().map(|version| version.active).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!((versions[0].digest.clone(), versions[0].create_by.as_str()), (digest('c'), "test"));
        assert_eq!(numbers(&fixture.versions(PackageId::Venv(venv_id)).await), [2, 1]);
        let page = fixture.store.list_versions(fixture.app(), None, Some(2)).await.unwrap();
        let rest = fixture.store.list_versions(fixture.app(), page.next_cursor.as_deref(), Some(2)).await.unwrap();
        assert_eq!((numbers(&page.items), numbers(&rest.items), rest.next_cursor), (vec![3, 2], vec![1], None));
        let unknown = fixture.store.list_versions(PackageId::App(AppId::random()), None, None).await;
        assert!(matches!(unknown, Err(Error::NotFound { what: "app", .. })), "{unknown:?}");
    }

    async fn rolling_back_goes_to_the_version_that_was_active_before(db) {
        let fixture = Fixture::new(&db).await;
        let app = fixture.app();
        let alone = fixture.store.find_version_of(app, PREVIOUS).await;
        assert!(matches!(&alone, Err(Error::NotFound { what: "version", name }) if name == "hello@previous"), "{alone:?}");
        fixture.upload("bc").await;

        assert_eq!(fixture.activate(app, PREVIOUS, 100).await, 2);
        assert_eq!(fixture.store.find_app(fixture.app_id).await.unwrap().unwrap().version.digest, digest('b'));
        assert_eq!(fixture.activate(app, PREVIOUS, 101).await, 3);
        assert_eq!(fixture.activate(app, number(1), 102).await, 1);
        // the clock was set back, and what was before is what was before all the same
        assert_eq!(fixture.activate(app, number(2), 1).await, 2);
        assert_eq!(fixture.activate(app, PREVIOUS, 0).await, 1);
        assert_eq!(fixture.activate(app, PREVIOUS, 0).await, 2);
        let missing = fixture.store.activate_version(fixture.epoch, app, number(4), at(0)).await;
        assert!(matches!(missing, Err(Error::NotFound { what: "version", .. })), "{missing:?}");
    }

    async fn activating_the_active_version_changes_nothing(db) {
        let fixture = Fixture::new(&db).await;
        fixture.upload("bc").await;
        let before = fixture.versions(fixture.app()).await;

        assert_eq!(fixture.activate(fixture.app(), number(3), 400).await, 3);

        let after = fixture.versions(fixture.app()).await;
        assert_eq!(format!("{before:?}"), format!("{after:?}"));
        assert_eq!(fixture.store.find_app(fixture.app_id).await.unwrap().unwrap().update_at, at(20));
    }

    async fn a_number_is_never_given_twice(db) {
        let fixture = Fixture::new(&db).await;
        fixture.upload("bc").await;
        fixture.activate(fixture.app(), number(1), 100).await;

        fixture.delete_version(fixture.app(), number(3)).await.unwrap();
        fixture.upload("d").await;

        assert_eq!(numbers(&fixture.versions(fixture.app()).await), [4, 2, 1]);
        let again = fixture.delete_version(fixture.app(), number(3)).await;
        assert!(matches!(again, Err(Error::NotFound { what: "version", .. })), "{again:?}");
    }

    async fn an_app_version_in_use_is_not_deleted_and_its_history_stays_readable(db) {
        let fixture = Fixture::new(&db).await;
        fixture.upload("bc").await;
        let app = fixture.app();
        let open = TaskRecord { stage: Stage::Running, ..fixture.pinned(1, 1).await };
        let done = finished(fixture.pinned(2, 2).await);
        fixture.insert([open.clone(), done.clone()]).await;

        let active = fixture.delete_version(app, number(3)).await;
        assert!(matches!(active, Err(Error::VersionInUse { number: 3, reason: InUse::Active, .. })), "{active:?}");
        let used = fixture.delete_version(app, number(1)).await;
        assert!(matches!(used, Err(Error::VersionInUse { number: 1, reason: InUse::Tasks(1), .. })), "{used:?}");
        assert_eq!(fixture.delete_version(app, number(2)).await.unwrap(), 2);

        assert_eq!(numbers(&fixture.versions(app).await), [3, 1]);
        let history = fixture.store.find_task(done.task_id).await.unwrap().unwrap();
        assert_eq!((history.plan.actions.len(), history.app_name.as_str()), (1, "hello"));
        assert!(!fixture.store.is_digest_in_use(&digest('b')).await.unwrap());
        assert!(fixture.store.is_digest_in_use(&digest('a')).await.unwrap());
        fixture.delete(1).await;
        assert_eq!(fixture.delete_version(app, number(1)).await.unwrap(), 1);
    }

    async fn an_archive_stays_while_a_task_is_pinned_to_a_deleted_version(db) {
        let fixture = Fixture::new(&db).await;
        fixture.upload("b").await;
        let pinned = fixture.pinned(1, 1).await;
        fixture.delete_version(fixture.app(), number(1)).await.unwrap();

        // created by what was read a moment before
        fixture.insert([pinned]).await;

        assert!(fixture.store.is_digest_in_use(&digest('a')).await.unwrap());
    }

    async fn a_venv_version_that_is_named_is_not_deleted(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, app_id, .. } = &fixture;
        let venv = PackageId::Venv(create_venv(store, *epoch, "xyz").await);
        let named = with_env('b', EnvRef::Named("libs@1".into()));
        store.update_app(*epoch, *app_id, update(named, 10)).await.unwrap();

        let used = fixture.delete_version(venv, number(1)).await;
        assert!(matches!(&used, Err(Error::VersionInUse { reason: InUse::Apps(apps), .. }) if apps == &["hello"]), "{used:?}");
        fixture.insert([fixture.pinned(1, 2).await]).await;
        fixture.activate(fixture.app(), number(1), 100).await;
        let used = fixture.delete_version(venv, number(1)).await;
        assert!(matches!(used, Err(Error::VersionInUse { reason: InUse::Tasks(1), .. })), "{used:?}");
        assert_eq!(store.load_version(venv, number(1)).await.unwrap().open_tasks, 1);
        assert_eq!(fixture.delete_version(venv, number(2)).await.unwrap(), 2);
        fixture.delete(1).await;
        assert_eq!(fixture.delete_version(venv, number(1)).await.unwrap(), 1);
        assert_eq!(numbers(&fixture.versions(venv).await), [3]);
    }

    async fn a_venv_version_that_running_actions_were_given_is_not_deleted(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, app_id, .. } = &fixture;
        let venv_id = create_venv(store, *epoch, "x").await;
        let venv = PackageId::Venv(venv_id);
        store.update_app(*epoch, *app_id, update(with_env('b', EnvRef::Venv(venv_id)), 10)).await.unwrap();
        fixture.insert([fixture.pinned(1, 2).await, fixture.pinned(900, 2).await]).await;
        // one assigned before the venv was updated at 300, one long after
        fixture.commit(&attempts([attempt(1, 0, 1), attempt(900, 0, 1)])).await;
        let new = NewVersion { program: None, ..version('y') };
        store.update_venv(*epoch, venv_id, update(new, 300)).await.unwrap();

        let used = fixture.delete_version(venv, number(1)).await;
        assert!(matches!(used, Err(Error::VersionInUse { reason: InUse::Actions(1), .. })), "{used:?}");

        fixture.delete(1).await;
        assert_eq!(fixture.delete_version(venv, number(1)).await.unwrap(), 1);
    }

    async fn a_venv_version_that_an_action_made_at_run_time_names_is_not_deleted(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, .. } = &fixture;
        let venv = PackageId::Venv(create_venv(store, *epoch, "xy").await);
        fixture.insert([fixture.task(1)]).await;
        let mut plan = crate::samples::plan().actions.remove(0);
        plan.env = Some(EnvRef::Named("libs@1".into()));
        let mut changes = Changes::default();
        changes.actions.insert((1, 1), ActionRecord { plan, input: None });
        fixture.commit(&changes).await;

        let used = fixture.delete_version(venv, number(1)).await;
        assert!(matches!(used, Err(Error::VersionInUse { reason: InUse::Tasks(1), .. })), "{used:?}");

        fixture.delete(1).await;
        assert_eq!(fixture.delete_version(venv, number(1)).await.unwrap(), 1);
    }

    async fn what_a_program_without_numbers_adds_is_numbered_with_the_next_write(db) {
        let fixture = Fixture::new(&db).await;
        fixture.upload("b").await;
        db.execute("UPDATE versions SET number = 0, activate_at = NULL WHERE number = 2").await;
        db.execute("UPDATE packages SET last_number = 1").await;
        assert!(fixture.versions(fixture.app()).await[0].active);

        fixture.upload("c").await;

        assert_eq!(numbers(&fixture.versions(fixture.app()).await), [3, 2, 1]);
        assert_eq!(fixture.activate(fixture.app(), PREVIOUS, 100).await, 2);
    }
}
