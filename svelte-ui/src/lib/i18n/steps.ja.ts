/**
 * What the steps of a connection test found out, in Japanese: by the code that a step has, with its reason, and `ok.` with
 * the step for those that worked. An empty fix means the one of the code without its reason. Tests hold it against the
 * backend's lists.
 */
export type StepTexts = Readonly<Record<string, { readonly title: string; readonly fix: string }>>

const say = (title: string, fix = "") => ({ title, fix })
const lookFirst = "繰り返す前に、実行されたかどうか確認してください。"
const tooLong = "ランタイムとネットワークの状態を確認して、もう一度お試しください。"

export const stepsJa: StepTexts = {
  "ok.policy": say("送信先の規則で許可されています。"),
  "ok.url": say("エンドポイントを読み取れます。"),
  "ok.dns": say("ホストのアドレスが分かりました。"),
  "ok.tcp": say("接続できました。"),
  "ok.tls": say("暗号化について問題はありません。"),
  "ok.http": say("応答がありました。"),
  "ok.auth": say("認証について問題はありません。"),
  "ok.protocol": say("ランタイム API バージョン 1 の応答です。"),
  "ok.capabilities": say("ランタイムが対応機能を示しています。"),
  "ok.operations": say("必要な操作がそろっています。"),
  "ok.stream": say("イベントストリームが開き、最初のフレームが届きました。"),
  not_reached: say("実行していません。"),
  not_applicable: say("該当しません。"),
  not_encrypted: say(
    "トークンが暗号化されずに送られ、途中で読み取られるおそれがあります。",
    "ランタイムの前に TLS を置き、https:// のエンドポイントを使ってください。"
  ),
  undeclared: say("ランタイムは対応機能を示していません。応答から判断します。", "対応は不要です。"),
  nothing_to_watch: say("確認できるワーカーがありません。"),

  "runtime_unreachable.refused": say(
    "接続が拒否されました。そこでは何も待ち受けていません。",
    "ランタイムを起動し、エンドポイントのポートが合っているか確認してください。"
  ),
  "runtime_unreachable.dns": say(
    "ランタイムのホスト名を解決できません。",
    "ホスト名のつづりと、このマシンで名前を解決できるかを確認してください。"
  ),
  "runtime_unreachable.no_route": say(
    "ランタイムへのネットワーク経路がありません。",
    "このマシンとランタイムの間のネットワークを確認してください。"
  ),
  "runtime_unreachable.reset": say(
    "応答の途中で接続が切れました。",
    "プロキシなど間にあるものと、ランタイムのログを確認してください。"
  ),
  "runtime_unreachable.closed": say("ランタイムへの接続は閉じられています。"),
  "runtime_unreachable.host_lost": say("プラグインのプロセスが終了し、再起動しています。"),
  "runtime_unreachable.tls_expired": say(
    "ランタイムの証明書は期限切れです。",
    "ランタイムの証明書を更新してください。"
  ),
  "runtime_unreachable.tls_not_yet_valid": say(
    "ランタイムの証明書はまだ有効ではありません。",
    "両方のマシンの時計を確認してください。"
  ),
  "runtime_unreachable.tls_name_mismatch": say(
    "ランタイムの証明書は別の名前のものです。",
    "証明書に書かれたホスト名を使うか、この名前の証明書を用意してください。"
  ),
  "runtime_unreachable.tls_self_signed": say(
    "ランタイムの証明書は自己署名です。",
    "証明書を接続のオプション ca に入れるか、既知の認証局の証明書を使ってください。"
  ),
  "runtime_unreachable.tls_untrusted": say(
    "ランタイムの証明書の認証局は信頼されていません。",
    "認証局の証明書を接続のオプション ca に入れてください。"
  ),
  "runtime_unreachable.tls_handshake": say(
    "ランタイムと TLS で接続できません。",
    "ポートが TLS に対応しているか確認してください。TLS なしなら http:// を使います。"
  ),
  "runtime_unreachable.answer_lost": say("命令を送った後に接続が切れました。", lookFirst),
  "runtime_unreachable.circuit_open": say("失敗が続いたため、しばらく接続を試みません。"),
  "runtime_timeout.connect_timeout": say(
    "時間内に接続できませんでした。",
    "アドレスが正しいか、ファイアウォールが接続を捨てていないか確認してください。"
  ),
  "runtime_timeout.no_answer": say(
    "ランタイムはリクエストを受け取りましたが、応答を始めません。",
    "ランタイムの状態を確認してください。"
  ),
  "runtime_timeout.stalled": say("ランタイムの応答が途中で止まりました。", "ランタイムの状態を確認してください。"),
  "runtime_timeout.deadline": say("ランタイムの応答が時間内に終わりませんでした。"),
  "runtime_timeout.saturated": say("応答待ちの呼び出しが多すぎます。"),
  "runtime_timeout.answer_late": say("命令を送りましたが、時間内に応答がありませんでした。", lookFirst),
  "runtime_timeout.step": say("この段階に時間がかかりすぎました。", tooLong),
  "runtime_timeout.test": say("テスト全体に時間がかかりすぎました。", tooLong),
  "runtime_failed.failed_midway": say("命令の処理中にランタイムで問題が起きました。", lookFirst),
  "runtime_failed.failed": say("リクエストの処理中にランタイムで問題が起きました。"),
  "runtime_protocol_error.redirect": say(
    "応答がリダイレクトです。リダイレクトには従いません。",
    "移動先がランタイムなら、それをエンドポイントにしてください。"
  ),
  "runtime_protocol_error.encoded": say(
    "求めていないのに応答が圧縮されています。",
    "ランタイムの手前にあるものの圧縮を切ってください。"
  ),
  "runtime_protocol_error.too_large": say("応答がランタイムのものとしては大きすぎます。"),
  "runtime_protocol_error.not_http": say(
    "応答した相手は HTTP を話しません。",
    "ポートを確認してください。TLS の後ろにあるランタイムには https:// を使います。"
  ),
  "runtime_protocol_error.not_json": say(
    "応答が JSON ではありません。",
    "エンドポイントを確認してください。ウェブページかプロキシが応答しています。"
  ),
  "runtime_protocol_error.invalid_json": say("応答の JSON が壊れています。"),
  "runtime_protocol_error.wrong_shape": say("応答の形がランタイム API の定めと違います。"),
  "runtime_protocol_error.not_a_runtime": say(
    "応答した相手はランタイム API を知りません。",
    "エンドポイントを確認してください。別のサービスが応答しています。"
  ),
  "runtime_protocol_error.wrong_runtime": say(
    "以前とは別のランタイムが応答しました。",
    "いま待ち受けているランタイムを確認してください。意図した変更ならバックエンドを再起動します。"
  ),
  "runtime_protocol_error.wrong_worker": say("応答が別のワーカーについてのものです。"),
  "runtime_protocol_error.stream": say("イベントストリームがランタイム API の定めに反しています。"),
  "runtime_auth_failed.unauthorized": say(
    "トークンがないか、正しくありません。",
    "ランタイムの現在のトークンを token_ref の名前で登録してください。"
  ),
  "runtime_auth_failed.no_token": say(
    "ランタイムはトークンを求めていますが、接続に指定がありません。",
    "token_ref でトークンを指定してください。"
  ),
  "runtime_auth_failed.forbidden": say(
    "このトークンではこの操作を行えません。",
    "この操作が許されたトークンを使ってください。"
  ),
  "operation_unsupported.unsupported": say("ランタイムはこの操作に対応していません。"),
  "operation_unsupported.no_method": say("ランタイムの API にこの操作がありません。"),
  "operation_unsupported.no_route_in_api": say("ランタイムの API にこのパスがありません。"),
  "runtime_unavailable.unavailable": say("ランタイムの準備ができていません。"),
  "runtime_unavailable.stopped": say("ランタイムは停止しています。", "ランタイムを起動してください。"),
  "egress_refused.policy": say("送信先の規則により、ランタイムのアドレスは許可されていません。"),
  "secret_unresolvable.token": say("トークンを送れません。空か、長すぎるか、使えない文字を含んでいます。"),
  "secret_unresolvable.unknown_scheme": say(
    "参照の種類を扱えるものがありません。",
    "token_ref には env:NAME、file:PATH、local:NAME のどれかを使ってください。"
  ),
  "secret_unresolvable.not_granted": say("プラグインは、自分の設定が名指しする秘密情報だけを使えます。"),
  "secret_unresolvable.provider_failed": say(
    "参照の種類を扱うプラグインが失敗したか、時間内に答えませんでした。",
    "プラグインの設定とバックエンドのログを確認してください。"
  ),
  "secret_unresolvable.not_set": say(
    "参照する秘密情報が登録されていません。",
    "token_ref の名前で登録してください。例：secret set local:NAME"
  ),
  "secret_unresolvable.unreadable": say("秘密情報のファイルを読めないか、通常のファイルではありません。"),
  "secret_unresolvable.readable_by_others": say(
    "秘密情報のファイルをほかのユーザーが読み書きできます。",
    "ほかのユーザーの権限を外してください（chmod 600）。"
  ),
  "secret_unresolvable.outside_allowed_folders": say("秘密情報のファイルが、許可されたフォルダーの外にあります。"),
  "secret_unresolvable.reserved_place": say("参照先はバックエンド自身のファイルで、指定できません。"),
  "secret_unresolvable.damaged": say("保管された秘密情報を復号できません。", "秘密情報をもう一度登録してください。"),
  "secret_unresolvable.too_large": say("秘密情報が大きすぎます。"),
  "secret_unresolvable.empty": say("秘密情報が空です。"),
  "secret_unresolvable.control_characters": say("秘密情報に改行などの使えない文字が含まれています。"),
  "plugin_failed.failed": say("プラグインが理由を示さずに失敗しました。"),
  "plugin_failed.defect": say("プラグインがプログラムの誤りで止まりました。"),
  "plugin_failed.answer": say("プラグインの答えがプラグイン API の定める形ではありません。"),
  "plugin_failed.code_refused": say("プラグインが、プラグインには許されない問題で答えました。")
}
