//! What must be done before a service can begin: law, contracts, consent, connection, tests. A list that a lawyer reads
//! again; articles are those of the JPKI Act (公的個人認証法, 平成14年法律第153号) as cited in the field.

use super::{DeliveryMethod, Joining, Plan};

/// One thing to do.
#[derive(Debug)]
pub struct Step {
    /// Its name; keeps its meaning.
    pub id: &'static str,
    /// What to do, in Japanese.
    pub ja: &'static str,
    /// What to do, in English.
    pub en: &'static str,
    /// The article or document that asks for it; empty if it is our own advice.
    pub basis: &'static str,
    /// For which plans.
    pub applies: fn(&Plan) -> bool,
}

fn always(_: &Plan) -> bool {
    true
}

fn with_consent(plan: &Plan) -> bool {
    plan.consenting > 0
}

/// Everything, in the order in which it is usually done.
pub const STEPS: &[Step] = &[
    Step {
        id: "purpose",
        ja: "利用目的を一つずつ決めて文書にする。失効情報と対応証明書の発行の番号は、その確認のためにだけ使える。",
        en: "Write down each purpose of use. Revocation information and corresponding serial numbers may be used for that confirmation only.",
        basis: "公的個人認証法 52条",
        applies: always,
    },
    Step {
        id: "outsourcing",
        ja: "電子署名等確認業務のすべてをプラットフォーム事業者に委託する契約を結ぶ。すべてを委託した事業者は認定を受けたものとみなされる（みなし認定）。",
        en: "Conclude the contract that outsources all signature confirmation work to the platform operator. Who outsources all of it is deemed certified (みなし認定).",
        basis: "公的個人認証法 17条1項6号、施行規則29条1項",
        applies: always,
    },
    Step {
        id: "notification",
        ja: "主務大臣への届出と、機構（J-LIS）との取決めに必要な書類を、プラットフォーム事業者に渡す。署名用と利用者証明用の両方を扱う場合は両方について行う。",
        en: "Give the platform operator what it needs for the notifications and for its agreement with J-LIS: for the digital-signature and for the user-authentication certificate.",
        basis: "公的個人認証法 17条4項、36条",
        applies: always,
    },
    Step {
        id: "duties",
        ja: "検証者の義務を社内の規程に入れる。証明書を信頼する前に失効を確認し、公開鍵は検証にだけ使う。証明書そのものは保管しない。",
        en: "Put the verifier's duties into your rules: check revocation before relying on a certificate, use its public key for verification only, keep no certificate.",
        basis: "公的個人認証法 19条、38条",
        applies: always,
    },
    Step {
        id: "consent_text",
        ja: "最新の利用者情報（4情報）の提供への同意文を作る。モデル同意文15項目のうち1・3・4・5・6・8・9・10・12・13・15は必須。サービスごとに示し、有効期間（同意の翌日から10年）、撤回の方法、年1回のお知らせを書く。",
        en: "Write the consent text for the provision of the latest attributes. Of the 15 items of the model text 1, 3, 4, 5, 6, 8, 9, 10, 12, 13 and 15 are mandatory. Name each service, the term (ten years from the next day), how to withdraw, and the yearly reminder.",
        basis: "公的個人認証法 18条3項",
        applies: with_consent,
    },
    Step {
        id: "consent_screen",
        ja: "同意は署名用電子証明書の電子署名で受ける。紙や口頭の同意は使えない。同意しない人も手続きを続けられる画面にする。",
        en: "Take consent by a signature with the digital-signature certificate; paper or word of mouth do not do. Let who does not consent go on.",
        basis: "",
        applies: with_consent,
    },
    Step {
        id: "linking",
        ja: "署名用と利用者証明用の結び付け（対応証明書）を使うことを利用者に説明する。更新後も同じ人と分かるのは、この結び付けによる。",
        en: "Tell your customers that the two certificates are linked: by that, the same person is recognised after a renewal.",
        basis: "公的個人認証法 18条5項",
        applies: always,
    },
    Step {
        id: "registration",
        ja: "プラットフォームに事業者名（日本語・英語）、画面のオリジン、公開鍵（JWK Set）を登録する。鍵はテスト用と本番用を分ける。",
        en: "Register names (Japanese and English), the origins of your pages and your public keys (JWK Set) with the platform; separate keys for tests and production.",
        basis: "docs/musubi.example.toml",
        applies: always,
    },
    Step {
        id: "signed_application",
        ja: "いまの顧客に、マイナンバーカードの電子署名による申込みを案内する。顧客番号と結び付くのは署名を確かめた後。",
        en: "Invite your present customers to apply with a signature of their card. Their customer number is linked after the signature was judged.",
        basis: "",
        applies: |plan| plan.joining == Joining::Signature,
    },
    Step {
        id: "bulk_file",
        ja: "一括登録のファイルを用意する。1行に1人、利用目的と同意の有無を書く。行ごとの結果を受け取り、確認待ちの人に後日の本人確認を案内する。",
        en: "Prepare the file of the bulk registration: a line for each person, with purpose and consent. Take the result of each line, and invite those who wait to confirm later.",
        basis: "",
        applies: |plan| plan.joining == Joining::Bulk,
    },
    Step {
        id: "endpoint",
        ja: "変更の通知を受けるHTTPSのエンドポイントを作る。所有の確認に答え、署名と連番と前の要約値を確かめ、同じ通知を二度適用しない。",
        en: "Build the HTTPS endpoint that receives changes: answer the ownership check, check signature, number and previous hash, apply nothing twice.",
        basis: "docs/spec",
        applies: |plan| plan.delivery == DeliveryMethod::Push,
    },
    Step {
        id: "reading",
        ja: "変更の通知を定期的に取りに行く処理を作る。読んだ位置を、適用と同じトランザクションで保存する。",
        en: "Build the job that fetches changes; keep the place it has read to in the transaction that applies them.",
        basis: "docs/spec",
        applies: |plan| plan.delivery != DeliveryMethod::Push,
    },
    Step {
        id: "contract_of_freshness",
        ja: "失効情報の鮮度の条件と、認証局が止まったときの扱い（拒否・保留・受け付けて後で確認）を決める。訂正が届いたときの手順も決める。",
        en: "Decide how old revocation information may be, and what happens when the authority is down: refuse, hold, or accept and follow up. Decide what a correction sets in motion.",
        basis: "",
        applies: always,
    },
    Step {
        id: "changes",
        ja: "変更の種類（4情報の変更・更新・終了・保留や危殆化・判断できない）ごとに、業務の手順を決める。「判断できない」を失効や有効とみなさない。",
        en: "Decide what your office does for each kind of change: attributes changed, renewed, ended, held or compromised, undetermined. Undetermined is neither revoked nor good.",
        basis: "",
        applies: always,
    },
    Step {
        id: "test_plan",
        ja: "模擬環境で、成功と失敗（失効・期限切れ・古いリスト・認証局の停止・訂正・再送・順序の入れ替わり）を一通り試し、結果を残す。",
        en: "In the simulated nation try the successes and the failures: revoked, expired, old list, authority down, correction, repeated and reordered deliveries. Keep the results.",
        basis: "",
        applies: always,
    },
    Step {
        id: "go_live",
        ja: "本番の鍵とオリジンを登録し、少数の顧客で始め、月次レポートで件数と費用をこの見積りと比べる。",
        en: "Register production keys and origins, begin with few customers, and compare the monthly report with this estimate.",
        basis: "",
        applies: always,
    },
];
