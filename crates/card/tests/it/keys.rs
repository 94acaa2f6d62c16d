//! Keys of a nation that does not exist, made with OpenSSL for these tests.

use std::sync::Arc;

use musubi_crypto::CardKey;

/// The authority of cards.
pub(crate) const AUTHORITY: usize = 0;
/// Signs a card's files.
pub(crate) const ISSUER: usize = 1;
/// A card's free key.
pub(crate) const CARD: usize = 2;
/// Takes session keys.
pub(crate) const SESSION: usize = 3;
/// Of somebody else.
pub(crate) const STRANGER: usize = 4;

pub(crate) fn key(which: usize) -> Arc<CardKey> {
    let [p, q] = PRIMES[which].map(|prime| hex::decode(prime).unwrap());
    Arc::new(CardKey::from_primes(&p, &q, 65_537).unwrap())
}

const PRIMES: [[&str; 2]; 5] = [
    [
        "d55986292d9d2952712bd7ecb5e586a6713353c288d73ceb9f3930dad746fe3765a6a65c116b3ea2a435ab8f\
         3e3a5c2e766803af1c50ef0c2709546f6fa7439c6173b94f7f196d74efaeb445e54b885429e7b8451ad1f510\
         5ce8fbed70996f00f34e8303ca642b3aee8ee48014ed857f433859d21c757585d3f4516ffba53747",
        "c215bb74481d0d93d026931b0c28ae5c82ecbc31f55dcfee57b030ea8e183d0c3251784b1be8dca2b70a2fae\
         0a137423dd048b1d86458ec4c9c40771f1d60bf36acf8df70dbc1976317084d5893cdbd6c6e5dde313c60cc8\
         04d947e338cffb81a7c3304f00c2a3945ab860b9425414efebfc09d22ab8f1d4f213d4c84ba1c4a1",
    ],
    [
        "f365e3506399b43768bc547af7eefe5ec0b0d921a03d8e9e3f7d2a5b547737ad05e0d066c3f538a64fbfab88\
         e5893848a3f39af6799909d745a92515e60b8917e3cb22c808582478ffd79c01fafd82f7e888c12177edd77e\
         002692a522ab4f80729bc636fafe8035c4e219f83caa6d332422fc271b6dc881904a2e5ec1454483",
        "c8a05a0039211a7dcf37c9035a29ac77941f746487ec106a583c21bdc104596504a59f5a650fc207ed8790cb\
         1b42a2bc0f379eb0fc31cb333a1b64c1cceedb667da89ea5ab00f6efc5721329d19973122caa59214d5c894c\
         f2e0fb3fa2a7b9d972033faeaa90ce2acc55497ca8a77b664372134de5d00d5526a36afe143a5625",
    ],
    [
        "e40027c6bbde47e10679f55ac6ebf7e99e16dfffcbefb141c9e1006210fa306325d41fcbe15e2995538603f6\
         adc585f6c4b5caaf1e1f8d3ac470d82bd549a0c5bb198f3fa11a403ed57dc1827fa731450daf77db2340a388\
         4167cfe98ce0ae69fa5230f03e3f27d21ccfa2b6fa74c0ce9ec3d2761e619d8a5c937d01ba1776a7",
        "c33bf7f4e59e72d3d1419b0a0d1b4d1fb45e1d9b46e455a56229cf1523d5fe2c112e3dd5485f65891a72cbd9\
         0bbdcccf10e96742643caa07fd21baf4348747b08dd182cd5f20e61e80582c561a6626054c26329f7d6304ad\
         286d03b431a99550d293bb3b5263b110c6747b6304f785b9ec1f0df55c6250cd83780bfb18697f1d",
    ],
    [
        "e92de74812dc4c532f012630ccf6dbbcb1db3ad86ea4bcc68b49f3d162ed83f03f375b325c0b09615dcf6538\
         6667d9bafb32b20fed4e65490380614f64df306c1ef365d358d1678d98ce10cd3fe7e24e684ae871c4d70f4c\
         909748bdb1e7364d975ef1ae0ddab93a011cfc11fa996c559203381715238b4551e9b824b5370109",
        "c067bfa3917bff80331ba366513b53774cb8077720746065eabcd3df4fa0aab9b4ae857ad0cd66c684ab5b7e\
         12a6833bbec6ff60695c16b2e8e94c2b39c6a57ee7b6774fea13012110c075765896f599aac7e5c9437ac71d\
         00187e3260e3f53236b9d1c229e30831389941fdc5acf4c09be55a831aac10a5ca2b31e9871dd70b",
    ],
    [
        "fc2a599cf7b58478752b8e8d7ff708b12afcd5b9f495e7fe3f74f05df136da9f6a4e874abbcb92eeab6a30c4\
         8dbb48bd0083d3f13a27954435c9926a1ba6764e613947ef9e32e7d20cd43042ec5a13b989d4b1a7abf98f55\
         a543500332d3a76573e9af80230cededd02564401480dab086453cfec7fe3ea38c9c5ba066ce0dcb",
        "cd48492a8cfed22a565ea73d5f1c8869f090f168f027b4b0dbd999e01869cbe37520996e671df2f0625feff9\
         dc5f6fa70ae2d6984cf7ae28e73463f3489740613f375e4b1cf93d832823c320db99d3d4661cfc6311e9fce4\
         d4fca9ad1bca471df0b66fa394d2560f38d3c6c92fdaff7142647a101433feab3409ce0940f0f333",
    ],
];
