//! Apps and venvs, their names and versions.

use lp_manager::store::{Error, NewPackage, NewVersion, PackageList, PackageUpdate};
use lp_protocol::plan::EnvRef;
use lp_protocol::{AppId, VenvId};
use uuid::Uuid;

use crate::on_both_backends;
use crate::samples::{Fixture, at, digest, finished, package, version};

fn venv(name: &str, digest_of: char) -> NewPackage {
    NewPackage { version: NewVersion { program: None, ..version(digest_of) }, ..package(name) }
}

fn update() -> PackageUpdate {
    PackageUpdate { name: None, description: None, version: None, update_at: at(50) }
}

on_both_backends! {
    async fn an_app_is_shown_as_it_was_created(db) {
        let fixture = Fixture::new(&db).await;

        let app = fixture.store.find_app(fixture.app_id).await.unwrap().unwrap();

        assert_eq!((app.name.as_str(), app.create_at, app.update_at), ("hello", at(0), at(0)));
        assert_eq!((app.version.version_id, app.version.size_bytes), (fixture.version_id, 1000));
        assert_eq!(app.version.warnings, ["unknown key `mian`, did you mean `main`?"]);
        assert_eq!(app.plan, Some(crate::samples::plan()));
        assert_eq!(app.manifest.as_deref(), Some(r#"{"actions": []}"#));
        assert!(fixture.store.find_app(AppId::random()).await.unwrap().is_none());
        let listed = fixture.store.list_apps(&PackageList::default()).await.unwrap();
        assert!(listed.items[0].plan.is_none() && listed.items[0].manifest.is_none());
    }

    async fn a_name_is_unique_among_the_living_of_its_kind(db) {
        let Fixture { store, epoch, app_id, .. } = Fixture::new(&db).await;

        let taken = store.create_app(epoch, AppId::random(), package("hello")).await;
        assert!(matches!(taken, Err(Error::NameTaken { what: "app", .. })), "{taken:?}");
        let other = AppId::random();
        store.create_app(epoch, other, package("other")).await.unwrap();
        let taken = store.update_app(epoch, other, PackageUpdate { name: Some("hello".into()), ..update() }).await;
        assert!(matches!(taken, Err(Error::NameTaken { what: "app", .. })), "{taken:?}");

        store.create_venv(epoch, VenvId::random(), venv("hello", 'b')).await.unwrap();
        store.delete_app(epoch, app_id, at(1)).await.unwrap();
        store.update_app(epoch, other, PackageUpdate { name: Some("hello".into()), ..update() }).await.unwrap();
    }

    async fn an_update_changes_what_it_names(db) {
        let Fixture { store, epoch, app_id, version_id, .. } = Fixture::new(&db).await;

        let described = store.update_app(epoch, app_id, PackageUpdate { description: Some("d".into()), ..update() }).await.unwrap();
        let renewed = store.update_app(epoch, app_id, PackageUpdate { version: Some(version('b')), ..update() }).await.unwrap();

        assert_eq!((described.description.as_str(), described.name.as_str(), described.update_at), ("d", "hello", at(50)));
        assert_eq!(described.version.version_id, version_id);
        assert!(renewed.version.version_id > version_id);
        assert_eq!((renewed.version.digest, renewed.description.as_str()), (digest('b'), "d"));
        let old = store.find_version(version_id).await.unwrap().unwrap();
        assert_eq!((old.app_id, old.app_name.as_str(), old.package.digest), (app_id, "hello", digest('a')));
        let missing = store.update_app(epoch, AppId::random(), update()).await;
        assert!(matches!(missing, Err(Error::NotFound { what: "app", .. })), "{missing:?}");
    }

    async fn what_open_tasks_use_is_not_deleted(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, app_id, .. } = &fixture;
        fixture.insert([fixture.task(1), fixture.task(2), finished(fixture.task(3))]).await;

        let refused = store.delete_app(*epoch, *app_id, at(1)).await;
        assert!(matches!(refused, Err(Error::InUse { open_tasks: 2, .. })), "{refused:?}");

        fixture.delete(1).await;
        fixture.delete(2).await;
        store.delete_app(*epoch, *app_id, at(1)).await.unwrap();
        assert!(store.find_app(*app_id).await.unwrap().is_none());
        assert!(matches!(store.delete_app(*epoch, *app_id, at(1)).await, Err(Error::NotFound { .. })));
        assert_eq!(store.find_view(crate::samples::task_id(3)).await.unwrap().unwrap().app_name, "hello");
    }

    async fn a_venv_is_in_use_while_the_plan_of_an_open_task_names_it(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, app_id, .. } = &fixture;
        let (by_id, by_name, unused) = (VenvId::random(), VenvId::random(), VenvId::random());
        for (venv_id, name) in [(by_id, "one"), (by_name, "two"), (unused, "three")] {
            store.create_venv(*epoch, venv_id, venv(name, 'b')).await.unwrap();
        }
        let mut new = version('c');
        let plan = &mut new.program.as_mut().unwrap().plan;
        plan.actions[0].env = Some(EnvRef::Venv(by_id));
        plan.on_fail = Some(plan.actions[0].clone());
        plan.on_fail.as_mut().unwrap().env = Some(EnvRef::Named("two@7".into()));
        let app = store.update_app(*epoch, *app_id, PackageUpdate { version: Some(new), ..update() }).await.unwrap();
        let mut task = fixture.task(1);
        task.version_id = app.version.version_id;
        fixture.insert([task, fixture.task(2)]).await;

        for venv_id in [by_id, by_name] {
            let refused = store.delete_venv(*epoch, venv_id, at(1)).await;
            assert!(matches!(refused, Err(Error::InUse { what: "venv", open_tasks: 1, .. })), "{refused:?}");
        }
        store.delete_venv(*epoch, unused, at(1)).await.unwrap();
        fixture.delete(1).await;
        store.delete_venv(*epoch, by_id, at(1)).await.unwrap();
    }

    async fn a_package_is_meant_by_id_name_or_beginning_of_its_id(db) {
        let Fixture { store, epoch, app_id, .. } = Fixture::new(&db).await;
        let (one, two) = (0xfeed_0001 << 96, 0xfeed_0002 << 96);
        let (one, two) = (AppId(Uuid::from_u128(one)), AppId(Uuid::from_u128(two)));
        store.create_app(epoch, one, package("first")).await.unwrap();
        store.create_app(epoch, two, package("feed0001")).await.unwrap();

        for (text, meant) in [("hello", app_id), ("first", one), ("feed0001", two), ("feed0002", two), ("feed-0002", two)] {
            assert_eq!(store.resolve_app(text).await.unwrap(), meant, "{text}");
        }
        assert_eq!(store.resolve_app(&one.to_string()).await.unwrap(), one);
        let Err(Error::Ambiguous { candidates, .. }) = store.resolve_app("feed").await else { panic!("feed fits two") };
        assert_eq!(candidates.len(), 2);
        for text in ["Hello", "fee", "fade", "nul\0", ""] {
            assert!(matches!(store.resolve_app(text).await, Err(Error::NotFound { .. })), "{text}");
        }
        assert!(matches!(store.resolve_venv("hello").await, Err(Error::NotFound { what: "venv", .. })));
    }

    async fn the_list_shows_the_living_newest_first(db) {
        let Fixture { store, epoch, app_id, .. } = Fixture::new(&db).await;
        for name in ["b_1", "b%2", "B_3", "b_4"] {
            store.create_app(epoch, AppId::random(), package(name)).await.unwrap();
        }
        store.create_venv(epoch, VenvId::random(), venv("b_venv", 'b')).await.unwrap();
        store.delete_app(epoch, app_id, at(1)).await.unwrap();
        let names = async |wanted: PackageList| {
            let page = store.list_apps(&wanted).await.unwrap();
            (page.items.into_iter().map(|app| app.name).collect::<Vec<_>>(), page.next_cursor)
        };

        assert_eq!(names(PackageList::default()).await.0, ["b_4", "B_3", "b%2", "b_1"]);
        assert_eq!(names(PackageList { name: Some("b_*".into()), ..Default::default() }).await.0, ["b_4", "b_1"]);
        let (first, cursor) = names(PackageList { limit: Some(3), ..Default::default() }).await;
        assert_eq!(first, ["b_4", "B_3", "b%2"]);
        let (rest, end) = names(PackageList { cursor, limit: Some(3), ..Default::default() }).await;
        assert_eq!((rest, end), (vec!["b_1".to_owned()], None));
        assert_eq!(store.list_venvs(&PackageList::default()).await.unwrap().items.len(), 1);
    }

    async fn an_env_means_the_active_version_or_the_one_it_names(db) {
        let Fixture { store, epoch, .. } = Fixture::new(&db).await;
        let venv_id = VenvId::random();
        let old = store.create_venv(epoch, venv_id, venv("libs", 'b')).await.unwrap().version.number;
        let new = NewVersion { program: None, ..version('c') };
        store.update_venv(epoch, venv_id, PackageUpdate { version: Some(new), ..update() }).await.unwrap();

        let cases = [
            (EnvRef::Venv(venv_id), Some('c')),
            (EnvRef::Named("libs".into()), Some('c')),
            (EnvRef::Named(format!("libs@{old}")), Some('b')),
            (EnvRef::Named("libs@2".into()), Some('c')),
            (EnvRef::Named("libs@3".into()), None),
            (EnvRef::Named("libs@x".into()), None),
            (EnvRef::Named("hello".into()), None),
            (EnvRef::Venv(VenvId::random()), None),
            (EnvRef::Path("venvs/venv".into()), None),
        ];
        for (env, expected) in cases {
            let found = store.find_env_package(&env).await.unwrap();
            assert_eq!(found.ok().map(|package| package.digest), expected.map(digest), "{env:?}");
        }
        let missing = store.find_env_package(&EnvRef::Named("libs@3".into())).await.unwrap();
        assert_eq!(missing.unwrap_err(), "the venv `libs` has no version 3; see `lp venv history list libs`");
    }

    async fn an_archive_is_needed_by_a_living_package_or_an_open_task(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, app_id, .. } = &fixture;
        store.update_app(*epoch, *app_id, PackageUpdate { version: Some(version('b')), ..update() }).await.unwrap();

        let digests = ['a', 'b', 'c'].map(digest);
        let used = store.digests_in_use(&digests).await.unwrap();
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ['a', 'b'].map(digest));

        store.delete_app(*epoch, *app_id, at(1)).await.unwrap();
        assert!(!store.is_digest_in_use(&digest('a')).await.unwrap());
        // created in the moment of the deletion
        fixture.insert([fixture.task(1)]).await;
        assert!(store.is_digest_in_use(&digest('a')).await.unwrap());
        assert!(!store.is_digest_in_use(&digest('b')).await.unwrap());
    }
}
