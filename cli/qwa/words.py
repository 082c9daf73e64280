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
    "missing": "缺少",
    "here": "已下载",
    "not here": "未下载",
    "in part": "部分下载",
    "removed": "已删除",
    "ok": "正常",
    "failed": "失败",
    "default": "默认",
    "argument": "参数",
    # progress
    "analysing": "正在分析",
    "listening": "正在听",
    "transcribing": "正在转写",
    "decoding": "正在解码",
    "fetching": "正在下载",
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
