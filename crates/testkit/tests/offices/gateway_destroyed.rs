//! What a gateway has destroyed is in none of its files: the case's key, and the papers under it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::UnixTime;
use denizen_store::gateway::GatewayStore;
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, permit},
};
use std::path::{Path, PathBuf};

fn database(play: &Play) -> PathBuf {
    let folder = play.world.folder("gateway-immigration");
    folder.join("gateway.sqlite")
}

/// The wrapped key and the beginning of the papers of the one case.
fn sealed(database: &Path) -> Option<[Vec<u8>; 2]> {
    let cases = GatewayStore::open(database).unwrap().cases().unwrap();
    let (key, papers) = cases[0].sealed.clone()?;
    Some([key, papers[..64].to_vec()])
}

fn is_in_a_file(folder: &Path, part: &[u8]) -> bool {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(part.len()).any(|window| window == part)
    })
}

async fn applied(seed: u64) -> Play {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::with(seed, &offices).await;
    play.arrive(AZIZA).await;
    for office in &offices[..3] {
        play.link("aziza", office).await;
        play.fill(office).await;
    }
    play.link_open("aziza", &IMMIGRATION).await;
    play.apply_for_permit("aziza").await;
    play
}

#[tokio::test]
async fn papers_go_with_the_decision_and_the_key_at_the_end_of_retention() {
    let mut play = applied(921).await;
    let database = database(&play);
    let folder = database.parent().unwrap().to_owned();
    let [key, papers] = sealed(&database).unwrap();
    assert!(is_in_a_file(&folder, &key) && is_in_a_file(&folder, &papers));

    play.decide("immigration", permit()).await.unwrap();
    assert!(!is_in_a_file(&folder, &papers), "papers after the decision");
    assert!(is_in_a_file(&folder, &key));

    play.world.clock.advance_s(4 * 366 * UnixTime::DAY_S);
    let now = play.world.now();
    let gateway = play.gateways.get_mut("immigration").unwrap();
    assert_eq!(gateway.retain(now, &mut play.world.rng).unwrap(), 1);
    assert!(!is_in_a_file(&folder, &key), "key after the retention");
    assert!(sealed(&database).is_none());
}
