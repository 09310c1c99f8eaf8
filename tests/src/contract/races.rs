//! Many at once.

use super::{
    rows::{self, Targets},
    site::{Site, api},
    spec::Resource,
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

const MANY: usize = 8;

/// Of those who want the same value, or to delete the same row, one succeeds; and nobody reads a list that lacks what he
/// has written.
pub(super) async fn drive(site: &Site, resource: &Resource, targets: &Targets) {
    let list = api(resource);
    if let Some(field) = resource.fields.iter().find(|field| field.unique) {
        let row = rows::full(resource, 22, targets);
        if !row[&field.name].is_null() {
            let all = join_all((0..MANY).map(|_| site.json(Method::POST, &list, &row))).await;
            let taken = all.iter().filter(|answer| answer.status == 409).count();
            let made: Vec<_> = all.iter().filter(|answer| answer.status == 201).collect();
            assert_eq!((made.len(), taken), (1, MANY - 1), "{}.{}", resource.name, field.name);
            site.remove(resource, &made[0].json()).await;
        }
    }
    let made = site.create(resource, &rows::full(resource, 23, targets)).await;
    let path = format!("{list}/{}", made["id"]);
    let all = join_all((0..MANY).map(|_| site.send(site.request(Method::DELETE, &path)))).await;
    let mut states: Vec<_> = all.iter().map(|answer| answer.status).collect();
    states.sort_unstable();
    assert_eq!((states[0], &states[1..]), (204, &[404; MANY - 1][..]));

    let newest = format!("{list}?sort=-id&per_page=100");
    join_all((0..MANY as u32).map(async |n| {
        let row = site.create(resource, &rows::full(resource, 20 + n, targets)).await;
        let ids: Vec<_> =
            site.list(&newest).await["items"].as_array().expect("items").iter().map(|one| one["id"].clone()).collect();
        assert!(ids.contains(&row["id"]), "{list} lacks row {} right after it was made", row["id"]);
        site.remove(resource, &row).await;
        let left = site.list(&newest).await["items"].as_array().expect("items").clone();
        assert!(
            left.iter().all(|one| one["id"] != row["id"]),
            "{list} has row {} right after it was deleted",
            row["id"]
        );
    }))
    .await;
    assert_eq!(site.list(&list).await["total"], json!(1));
}
