//! A cluster, a driver and a browser that belong together.

use std::path::PathBuf;

use lp_package::{PackOptions, pack};

use crate::browser::Browser;
use crate::common::{Cluster, write_app};
use crate::driver::Driver;

pub struct World {
    // the browser's driver goes before the cluster, whose end sweeps up what is left of both
    driver: Driver,
    pub cluster: Cluster,
    pub browser: Browser,
    pub token: String,
}

impl World {
    /// None where there is no browser on this machine.
    pub async fn start(arguments: &[&str]) -> Option<Self> {
        Self::over(Cluster::up_with(arguments)).await
    }

    pub async fn over(cluster: Cluster) -> Option<Self> {
        let viewer = word(&cluster, "viewer");
        Self::at(cluster, &viewer).await
    }

    /// The same with the viewer at another address.
    pub async fn at(cluster: Cluster, viewer: &str) -> Option<Self> {
        let driver = Driver::start(&cluster.path("."))?;
        let token = word(&cluster, "token");
        let browser = Browser::start(&driver, &cluster.path("."), viewer).await;
        Some(Self { driver, cluster, browser, token })
    }

    /// Signs in as a person does.
    pub async fn sign_in(&self) {
        self.browser.open("/login").await;
        self.browser.fill("#token", &self.token).await;
        self.browser.press("Sign in").await;
        self.browser.find(".places").await;
    }

    /// Writes an application of these files and packs it into an archive to be uploaded.
    pub fn archive(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = write_app(&self.cluster.path(&format!("{name}-files")), files);
        let options = PackOptions { root_name: Some(name.to_owned()), ..PackOptions::default() };
        let (bytes, _) = pack(&directory, Vec::new(), &options).unwrap();
        let path = self.cluster.path(&format!("{name}.tar.gz"));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub async fn end(self) {
        self.browser.close().await;
        drop(self.driver);
    }
}

/// Of what leads to a cluster.
pub fn word(cluster: &Cluster, key: &str) -> String {
    let text = std::fs::read_to_string(cluster.context()).unwrap();
    let context: serde_json::Value = serde_json::from_str(&text).unwrap();
    context[key].as_str().unwrap().trim_end_matches('/').to_owned()
}
