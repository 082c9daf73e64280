"""Interface words in Chinese, and which language the person's locale asks for."""

import os

CHINESE = {
    "error": "错误",
    "hint": "提示",
    "warning": "注意",
    "engine": "引擎",
    "interrupted; what was finished is kept": "已中断；已完成的结果保留",
    # kinds of evidence
    "speech": "语音",
    "near": "相近",
    "sound": "声音",
    "voice": "嗓音",
    "speaker": "说话人",
    "language": "语言",
    "emotion": "情绪",
    "silence": "静音",
    "translation": "翻译",
    "music": "音乐",
    "heard": "听到",
    "whole clip": "全段",
    "and {count} more (--json shows all)": "还有 {count} 条（--json 显示全部）",
    "heard {heard} of {total}": "听了 {heard}，共 {total}",
    "wrote": "已写入",
    "kept": "已存在，跳过",
    # qwa info
    "container": "容器",
    "codec": "编码",
    "rate": "采样率",
    "channels": "声道",
    "duration": "时长",
    "loudness": "响度",
    "peak": "峰值",
    "clipping": "削波",
    "size": "大小",
    "title": "标题",
    # qwa engines, models, doctor, config
    "ready": "可用",
    "down": "无响应",
    "missing": "缺少",
    "here": "已下载",
    "not here": "未下载",
    "in part": "部分下载",
    "removed": "已删除",
    "ok": "正常",
    "failed": "失败",
    "default": "默认",
    "argument": "参数",
    # qwa serve
    "listening on": "监听",
    "try": "试试",
    # qwa chat
    "/help lists the commands; Ctrl-D leaves": "/help 列出命令；Ctrl-D 离开",
    "stopped": "已停止",
    "dropped": "已放弃",
    "the turn is taken back: nothing was said": "没有回答，这一轮已撤回",
    "recording; Ctrl-C ends it": "正在录音；Ctrl-C 结束",
    "a new chat": "新的对话",
    "no system prompt of yours; the model has its own": "没有自定系统提示，用模型自己的",
    "hear this in your next turn; Enter alone sends it as it is": "下一轮附上音频；直接回车即发送",
    "hear the microphone, until Ctrl-C where no seconds are given": "录音；没有秒数时 Ctrl-C 结束",
    "take back the audio that is not sent yet": "放弃尚未发送的音频",
    "tell the model how to behave; alone, show what it was told": "设定系统提示；单独使用时显示它",
    "keep the chat, to go on with: qwa chat --load FILE": "保存对话，以后用 qwa chat --load 继续",
    "forget the turns so far": "忘掉之前的对话",
    "show these lines": "显示这些命令",
    "leave, as Ctrl-D does": "离开，与 Ctrl-D 相同",
    'A line that ends in \\ goes on; """ begins and ends a block.': (
        '行尾的 \\ 表示下一行继续；""" 开始和结束一段多行文字。'
    ),
    # qwa archive
    "{count} new episodes": "{count} 期新节目",
    "started here": "在本机启动",
    "connected": "已连接",
    "{count} episodes to hear": "有 {count} 期节目要听",
    "{count} episodes heard, {hours} h": "听了 {count} 期节目，{hours} 小时",
    "{speed} h of audio an hour": "每小时听 {speed} 小时音频",
    "{time} left": "还需 {time}",
    "{name}: the same audio as another episode": "{name}：音频与另一期相同",
    "all is as it should be": "一切正常",
    # progress
    "recording": "正在录音",
    "analysing": "正在分析",
    "answering": "正在回答",
    "indexing": "正在编入索引",
    "listening": "正在听",
    "telling voices apart": "正在分辨说话人",
    "waiting": "正在等待",
    "transcribing": "正在转写",
    "decoding": "正在解码",
    "fetching": "正在下载",
    "loading": "正在加载",
    "reranking": "正在重新排序",
}


def in_chinese(english: str) -> str:
    """Return the Chinese for a piece of interface text, or the English where there is none."""
    return CHINESE.get(english, english)


def locale_language() -> str:
    """Return "zh" where the locale or `QWA_LANG` says so, else "en"."""
    for variable in ("QWA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value and value != "auto":
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def is_chinese(text: str) -> bool:
    """Whether the text holds Chinese characters."""
    return any("一" <= char <= "鿿" for char in text)
