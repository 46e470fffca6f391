/** Japanese. */
import type { Messages } from "./en.ts"
import { jaConsole } from "./jaConsole.ts"
import { jaSettings } from "./jaSettings.ts"

const count = (number: number, unit: string) => `${number.toLocaleString("ja")} ${unit}`

export const ja: Messages = {
  locale: "ja",
  languageName: "日本語",
  brand: "Yoi",
  skipToContent: "本文へ移動",
  nav: {
    label: "メイン",
    overview: "概要",
    workers: "ワーカー",
    settings: "設定",
    connections: "ランタイム接続",
    appearance: "表示",
    diagnostics: "診断",
    settingsLabel: "設定の項目"
  },
  common: {
    retry: "再試行",
    invalidValue: "この項目を確認してください。",
    reload: "ページを再読み込み",
    cancel: "キャンセル",
    close: "閉じる",
    save: "保存",
    loading: "読み込み中…",
    dismiss: "閉じる",
    copy: "コピー",
    copied: "コピーしました",
    copyFailed: "このブラウザーではコピーできません。テキストを選択してください。",
    optional: "任意",
    unknown: "不明",
    builtIn: "組み込み",
    more: "その他の操作",
    back: "戻る",
    never: "なし",
    updated: (ago) => `更新: ${ago}`,
    staleNote: "最後に取得した内容を表示しています。",
    requestId: "リクエスト ID",
    opensElsewhere: "新しいタブで開きます",
    leaveDirty: "このページを離れますか？入力内容は保存されていません。"
  },
  runtimeStatus: {
    running: "稼働中",
    stopped: "停止",
    unreachable: "到達不可",
    auth_failed: "認証拒否",
    incompatible: "非互換",
    unknown: "未確認"
  },
  facts: {
    label: "状況",
    reachable: "到達",
    authenticated: "認証",
    compatible: "互換性",
    yes: "はい",
    no: "いいえ",
    unknown: "不明",
    since: (length) => `${length}前から`
  },
  workerState: {
    idle: "待機中",
    busy: "処理中",
    errored: "エラー",
    stale: "復元不可",
    stopped: "停止",
    cancelled: "中止"
  },
  overview: {
    title: "概要",
    lead: "バックエンドが知るすべてのランタイムと、いま使えるかどうか。",
    workers: (number) => `ワーカー ${count(number, "個")}`,
    workersUnknown: "ワーカー数は不明",
    lastSeen: "最終確認",
    emptyTitle: "ランタイムがありません",
    emptyText: "組み込みランタイムも見つかりません。理由はバックエンドのログにあります。",
    summary: (usable, total) => `ランタイム ${total} 件中 ${usable} 件が使用可能`,
    addConnection: "ランタイムを追加",
    openWorkers: (name) => `${name} のワーカー`,
    newWorker: "新しいワーカー",
    circuitOpen: "失敗が続いたため、呼び出しを少しの間休んでいます。",
    problems: (number) => count(number, "件の注記")
  },
  workers: {
    title: "ワーカー",
    lead: "すべてのランタイムのワーカー。",
    new: "新しいワーカー",
    filterLabel: "ワーカーの絞り込み",
    filterRuntime: "ランタイム",
    filterState: "状態",
    allRuntimes: "すべてのランタイム",
    allStates: "すべての状態",
    clearFilter: "絞り込みを解除",
    name: "名前",
    runtime: "ランタイム",
    profile: "プロファイル",
    state: "状態",
    entries: "件数",
    updated: "更新",
    failedSource: (runtime) => `${runtime} のワーカーを取得できませんでした。`,
    emptyTitle: "ワーカーはまだありません",
    emptyText: "ワーカーはランタイム上で長く続くセッションです。作成して話しかけてみましょう。",
    noMatchTitle: "該当するワーカーがありません",
    noMatchText: "絞り込みを変更または解除してください。",
    loadMore: "さらに読み込む",
    count: (number) => count(number, "件"),
    asks: (number) => (number === 1 ? "許可待ち" : `許可待ち（${number}）`)
  },
  newWorker: {
    title: "新しいワーカー",
    lead: "実行場所と内容を選びます。すぐに開始します。",
    runtime: "ランタイム",
    cannotCreate: "ワーカーを作成できません",
    noRuntimeTitle: "実行できるランタイムがありません",
    noRuntime: "いまワーカーを作成できるランタイムはありません。理由は各ランタイムの欄にあります。",
    profile: "プロファイル",
    profileDefault: "ランタイムの既定",
    profileDefaultText: "指定がないときにランタイムが開始するもの。",
    profilesUnavailable: "ここでは使えません",
    name: "名前",
    nameHint: "一覧に表示されます。空欄の場合は ID で表示されます。",
    firstInput: "最初の入力",
    firstInputHint: "ワーカーの準備ができしだい送信されます。",
    create: "作成",
    creating: "作成中…"
  },
  ...jaConsole,
  ...jaSettings,
  appearance: {
    title: "表示",
    lead: "このブラウザーだけの設定です。",
    language: "言語",
    languageAuto: (name) => `ブラウザーの言語（${name}）`,
    theme: "テーマ",
    light: "ライト",
    dark: "ダーク",
    system: "システム",
    session: "セッション",
    sessionText: "このブラウザーはログイン中です。",
    sessionNone: "このバックエンドはこのアドレスではログインを求めません。",
    logOut: "ログアウト"
  },
  login: {
    title: "ログイン",
    text: "このバックエンドはアクセストークンを求めています。保管場所は設定ファイルの server.access_token_ref にあります。",
    token: "アクセストークン",
    submit: "ログイン",
    submitting: "ログイン中…",
    wrong: "トークンが受け付けられませんでした。"
  },
  notFound: {
    title: "ページがありません",
    text: "このページは存在しません。",
    home: "概要へ",
    failedTitle: "このページを表示できませんでした",
    failedText: "再読み込みしてください。"
  }
}
