//! Who uses a venv, by whichever of its names.

use lp_manager::core::record::Changes;
use lp_manager::store::{NewPackage, NewVersion, PackageUpdate};
use lp_protocol::plan::EnvRef;
use lp_protocol::{AppId, Stage, VenvId};

use crate::on_both_backends;
use crate::samples::{Fixture, at, new_task, package, version};

/// An app's version whose action has this `env`.
fn with_env(digest_of: char, env: EnvRef) -> NewVersion {
    let mut version = version(digest_of);
    version.program.as_mut().unwrap().plan.actions[0].env = Some(env);
    version
}

on_both_backends! {
    async fn apps_and_unfinished_tasks_that_name_a_venv_are_its_users(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, app_id, .. } = &fixture;
        let mut venvs = Vec::new();
        for (name, digest) in [("libs", 'b'), ("idle", 'c')] {
            let new = NewPackage { version: NewVersion { program: None, ..version(digest) }, ..package(name) };
            venvs.push(store.create_venv(*epoch, VenvId::random(), new).await.unwrap());
        }
        let named = [EnvRef::Named("libs@1".into()), EnvRef::Venv(venvs[0].venv_id), EnvRef::Path("venvs/libs".into())];
        for (index, env) in named.into_iter().enumerate() {
            let new = NewPackage { version: with_env('d', env), ..package(&format!("app-{index}")) };
            store.create_app(*epoch, AppId::random(), new).await.unwrap();
        }
        // a task that is pinned to a version which named it, of an app whose active one does not
        let update = |version| PackageUpdate { name: None, description: None, version: Some(version), update_at: at(10) };
        let used = store.update_app(*epoch, *app_id, update(with_env('e', EnvRef::Named("libs".into())))).await.unwrap();
        store.update_app(*epoch, *app_id, update(version('f'))).await.unwrap();
        let task = lp_manager::core::record::TaskRecord { version_id: used.version.version_id, ..fixture.task(1) };
        let other = fixture.task(2);
        let changes = Changes { new_tasks: vec![new_task(task.clone()), new_task(other)], ..Changes::default() };
        store.commit(*epoch, &changes).await.unwrap();

        store.load_venv_users(&mut venvs).await.unwrap();

        let users = &venvs[0].users;
        let apps: Vec<_> = users.apps.iter().map(|app| (app.name.as_str(), app.actions.len())).collect();
        assert_eq!((apps, users.open_tasks), (vec![("app-0", 1), ("app-1", 1)], 1));
        assert_eq!((venvs[1].users.apps.len(), venvs[1].users.open_tasks), (0, 0));
        let tasks = store.list_venv_tasks(&venvs[0]).await.unwrap();
        assert_eq!(tasks.iter().map(|known| known.task_id).collect::<Vec<_>>(), [task.task_id]);
        assert!(store.list_venv_tasks(&venvs[1]).await.unwrap().is_empty());
        assert_eq!(task.stage, Stage::Pending);
        store.load_venv_users(&mut []).await.unwrap();
    }
}
