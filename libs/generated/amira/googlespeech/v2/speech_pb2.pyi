import datetime

from amira.adapters.v1 import support_pb2 as _support_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecognizeRequest(_message.Message):
    __slots__ = ("recognizer", "config", "config_mask", "content", "uri")
    RECOGNIZER_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CONFIG_MASK_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    recognizer: str
    config: RecognitionConfig
    config_mask: _field_mask_pb2.FieldMask
    content: bytes
    uri: str
    def __init__(self, recognizer: _Optional[str] = ..., config: _Optional[_Union[RecognitionConfig, _Mapping]] = ..., config_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., content: _Optional[bytes] = ..., uri: _Optional[str] = ...) -> None: ...

class RecognizeResponse(_message.Message):
    __slots__ = ("results", "metadata")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[SpeechRecognitionResult]
    metadata: RecognitionResponseMetadata
    def __init__(self, results: _Optional[_Iterable[_Union[SpeechRecognitionResult, _Mapping]]] = ..., metadata: _Optional[_Union[RecognitionResponseMetadata, _Mapping]] = ...) -> None: ...

class StreamingRecognizeRequest(_message.Message):
    __slots__ = ("recognizer", "streaming_config", "audio")
    RECOGNIZER_FIELD_NUMBER: _ClassVar[int]
    STREAMING_CONFIG_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    recognizer: str
    streaming_config: StreamingRecognitionConfig
    audio: bytes
    def __init__(self, recognizer: _Optional[str] = ..., streaming_config: _Optional[_Union[StreamingRecognitionConfig, _Mapping]] = ..., audio: _Optional[bytes] = ...) -> None: ...

class StreamingRecognizeResponse(_message.Message):
    __slots__ = ("results", "speech_event_type", "speech_event_offset", "metadata")
    class SpeechEventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SPEECH_EVENT_TYPE_UNSPECIFIED: _ClassVar[StreamingRecognizeResponse.SpeechEventType]
        SPEECH_EVENT_TYPE_END_OF_SINGLE_UTTERANCE: _ClassVar[StreamingRecognizeResponse.SpeechEventType]
        SPEECH_EVENT_TYPE_SPEECH_ACTIVITY_BEGIN: _ClassVar[StreamingRecognizeResponse.SpeechEventType]
        SPEECH_EVENT_TYPE_SPEECH_ACTIVITY_END: _ClassVar[StreamingRecognizeResponse.SpeechEventType]
    SPEECH_EVENT_TYPE_UNSPECIFIED: StreamingRecognizeResponse.SpeechEventType
    SPEECH_EVENT_TYPE_END_OF_SINGLE_UTTERANCE: StreamingRecognizeResponse.SpeechEventType
    SPEECH_EVENT_TYPE_SPEECH_ACTIVITY_BEGIN: StreamingRecognizeResponse.SpeechEventType
    SPEECH_EVENT_TYPE_SPEECH_ACTIVITY_END: StreamingRecognizeResponse.SpeechEventType
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    SPEECH_EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SPEECH_EVENT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[StreamingRecognitionResult]
    speech_event_type: StreamingRecognizeResponse.SpeechEventType
    speech_event_offset: _duration_pb2.Duration
    metadata: RecognitionResponseMetadata
    def __init__(self, results: _Optional[_Iterable[_Union[StreamingRecognitionResult, _Mapping]]] = ..., speech_event_type: _Optional[_Union[StreamingRecognizeResponse.SpeechEventType, str]] = ..., speech_event_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., metadata: _Optional[_Union[RecognitionResponseMetadata, _Mapping]] = ...) -> None: ...

class RecognitionConfig(_message.Message):
    __slots__ = ("auto_decoding_config", "explicit_decoding_config", "model", "language_codes", "features", "adaptation", "transcript_normalization", "translation_config", "denoiser_config")
    AUTO_DECODING_CONFIG_FIELD_NUMBER: _ClassVar[int]
    EXPLICIT_DECODING_CONFIG_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_CODES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    ADAPTATION_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_NORMALIZATION_FIELD_NUMBER: _ClassVar[int]
    TRANSLATION_CONFIG_FIELD_NUMBER: _ClassVar[int]
    DENOISER_CONFIG_FIELD_NUMBER: _ClassVar[int]
    auto_decoding_config: AutoDetectDecodingConfig
    explicit_decoding_config: ExplicitDecodingConfig
    model: str
    language_codes: _containers.RepeatedScalarFieldContainer[str]
    features: RecognitionFeatures
    adaptation: SpeechAdaptation
    transcript_normalization: TranscriptNormalization
    translation_config: TranslationConfig
    denoiser_config: DenoiserConfig
    def __init__(self, auto_decoding_config: _Optional[_Union[AutoDetectDecodingConfig, _Mapping]] = ..., explicit_decoding_config: _Optional[_Union[ExplicitDecodingConfig, _Mapping]] = ..., model: _Optional[str] = ..., language_codes: _Optional[_Iterable[str]] = ..., features: _Optional[_Union[RecognitionFeatures, _Mapping]] = ..., adaptation: _Optional[_Union[SpeechAdaptation, _Mapping]] = ..., transcript_normalization: _Optional[_Union[TranscriptNormalization, _Mapping]] = ..., translation_config: _Optional[_Union[TranslationConfig, _Mapping]] = ..., denoiser_config: _Optional[_Union[DenoiserConfig, _Mapping]] = ...) -> None: ...

class SpeechRecognitionResult(_message.Message):
    __slots__ = ("alternatives", "channel_tag", "result_end_offset", "language_code")
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_TAG_FIELD_NUMBER: _ClassVar[int]
    RESULT_END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_CODE_FIELD_NUMBER: _ClassVar[int]
    alternatives: _containers.RepeatedCompositeFieldContainer[SpeechRecognitionAlternative]
    channel_tag: int
    result_end_offset: _duration_pb2.Duration
    language_code: str
    def __init__(self, alternatives: _Optional[_Iterable[_Union[SpeechRecognitionAlternative, _Mapping]]] = ..., channel_tag: _Optional[int] = ..., result_end_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., language_code: _Optional[str] = ...) -> None: ...

class RecognitionResponseMetadata(_message.Message):
    __slots__ = ("request_id", "total_billed_duration", "prompt")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BILLED_DURATION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    total_billed_duration: _duration_pb2.Duration
    prompt: str
    def __init__(self, request_id: _Optional[str] = ..., total_billed_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., prompt: _Optional[str] = ...) -> None: ...

class StreamingRecognitionConfig(_message.Message):
    __slots__ = ("config", "config_mask", "streaming_features")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CONFIG_MASK_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FEATURES_FIELD_NUMBER: _ClassVar[int]
    config: RecognitionConfig
    config_mask: _field_mask_pb2.FieldMask
    streaming_features: StreamingRecognitionFeatures
    def __init__(self, config: _Optional[_Union[RecognitionConfig, _Mapping]] = ..., config_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., streaming_features: _Optional[_Union[StreamingRecognitionFeatures, _Mapping]] = ...) -> None: ...

class StreamingRecognitionResult(_message.Message):
    __slots__ = ("alternatives", "is_final", "stability", "result_end_offset", "channel_tag", "language_code")
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    STABILITY_FIELD_NUMBER: _ClassVar[int]
    RESULT_END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_TAG_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_CODE_FIELD_NUMBER: _ClassVar[int]
    alternatives: _containers.RepeatedCompositeFieldContainer[SpeechRecognitionAlternative]
    is_final: bool
    stability: float
    result_end_offset: _duration_pb2.Duration
    channel_tag: int
    language_code: str
    def __init__(self, alternatives: _Optional[_Iterable[_Union[SpeechRecognitionAlternative, _Mapping]]] = ..., is_final: _Optional[bool] = ..., stability: _Optional[float] = ..., result_end_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., channel_tag: _Optional[int] = ..., language_code: _Optional[str] = ...) -> None: ...

class AutoDetectDecodingConfig(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExplicitDecodingConfig(_message.Message):
    __slots__ = ("encoding", "sample_rate_hertz", "audio_channel_count")
    class AudioEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        AUDIO_ENCODING_UNSPECIFIED: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_LINEAR16: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_MULAW: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_ALAW: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_AMR: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_AMR_WB: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_FLAC: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_MP3: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_OGG_OPUS: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_WEBM_OPUS: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_MP4_AAC: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_M4A_AAC: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
        AUDIO_ENCODING_MOV_AAC: _ClassVar[ExplicitDecodingConfig.AudioEncoding]
    AUDIO_ENCODING_UNSPECIFIED: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_LINEAR16: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_MULAW: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_ALAW: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_AMR: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_AMR_WB: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_FLAC: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_MP3: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_OGG_OPUS: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_WEBM_OPUS: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_MP4_AAC: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_M4A_AAC: ExplicitDecodingConfig.AudioEncoding
    AUDIO_ENCODING_MOV_AAC: ExplicitDecodingConfig.AudioEncoding
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HERTZ_FIELD_NUMBER: _ClassVar[int]
    AUDIO_CHANNEL_COUNT_FIELD_NUMBER: _ClassVar[int]
    encoding: ExplicitDecodingConfig.AudioEncoding
    sample_rate_hertz: int
    audio_channel_count: int
    def __init__(self, encoding: _Optional[_Union[ExplicitDecodingConfig.AudioEncoding, str]] = ..., sample_rate_hertz: _Optional[int] = ..., audio_channel_count: _Optional[int] = ...) -> None: ...

class RecognitionFeatures(_message.Message):
    __slots__ = ("profanity_filter", "enable_word_time_offsets", "enable_word_confidence", "enable_automatic_punctuation", "enable_spoken_punctuation", "enable_spoken_emojis", "multi_channel_mode", "diarization_config", "max_alternatives", "custom_prompt_config")
    class MultiChannelMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MULTI_CHANNEL_MODE_UNSPECIFIED: _ClassVar[RecognitionFeatures.MultiChannelMode]
        MULTI_CHANNEL_MODE_SEPARATE_RECOGNITION_PER_CHANNEL: _ClassVar[RecognitionFeatures.MultiChannelMode]
    MULTI_CHANNEL_MODE_UNSPECIFIED: RecognitionFeatures.MultiChannelMode
    MULTI_CHANNEL_MODE_SEPARATE_RECOGNITION_PER_CHANNEL: RecognitionFeatures.MultiChannelMode
    PROFANITY_FILTER_FIELD_NUMBER: _ClassVar[int]
    ENABLE_WORD_TIME_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    ENABLE_WORD_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ENABLE_AUTOMATIC_PUNCTUATION_FIELD_NUMBER: _ClassVar[int]
    ENABLE_SPOKEN_PUNCTUATION_FIELD_NUMBER: _ClassVar[int]
    ENABLE_SPOKEN_EMOJIS_FIELD_NUMBER: _ClassVar[int]
    MULTI_CHANNEL_MODE_FIELD_NUMBER: _ClassVar[int]
    DIARIZATION_CONFIG_FIELD_NUMBER: _ClassVar[int]
    MAX_ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_PROMPT_CONFIG_FIELD_NUMBER: _ClassVar[int]
    profanity_filter: bool
    enable_word_time_offsets: bool
    enable_word_confidence: bool
    enable_automatic_punctuation: bool
    enable_spoken_punctuation: bool
    enable_spoken_emojis: bool
    multi_channel_mode: RecognitionFeatures.MultiChannelMode
    diarization_config: SpeakerDiarizationConfig
    max_alternatives: int
    custom_prompt_config: CustomPromptConfig
    def __init__(self, profanity_filter: _Optional[bool] = ..., enable_word_time_offsets: _Optional[bool] = ..., enable_word_confidence: _Optional[bool] = ..., enable_automatic_punctuation: _Optional[bool] = ..., enable_spoken_punctuation: _Optional[bool] = ..., enable_spoken_emojis: _Optional[bool] = ..., multi_channel_mode: _Optional[_Union[RecognitionFeatures.MultiChannelMode, str]] = ..., diarization_config: _Optional[_Union[SpeakerDiarizationConfig, _Mapping]] = ..., max_alternatives: _Optional[int] = ..., custom_prompt_config: _Optional[_Union[CustomPromptConfig, _Mapping]] = ...) -> None: ...

class SpeechAdaptation(_message.Message):
    __slots__ = ("phrase_sets", "custom_classes")
    class AdaptationPhraseSet(_message.Message):
        __slots__ = ("phrase_set", "inline_phrase_set")
        PHRASE_SET_FIELD_NUMBER: _ClassVar[int]
        INLINE_PHRASE_SET_FIELD_NUMBER: _ClassVar[int]
        phrase_set: str
        inline_phrase_set: PhraseSet
        def __init__(self, phrase_set: _Optional[str] = ..., inline_phrase_set: _Optional[_Union[PhraseSet, _Mapping]] = ...) -> None: ...
    PHRASE_SETS_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_CLASSES_FIELD_NUMBER: _ClassVar[int]
    phrase_sets: _containers.RepeatedCompositeFieldContainer[SpeechAdaptation.AdaptationPhraseSet]
    custom_classes: _containers.RepeatedCompositeFieldContainer[CustomClass]
    def __init__(self, phrase_sets: _Optional[_Iterable[_Union[SpeechAdaptation.AdaptationPhraseSet, _Mapping]]] = ..., custom_classes: _Optional[_Iterable[_Union[CustomClass, _Mapping]]] = ...) -> None: ...

class TranscriptNormalization(_message.Message):
    __slots__ = ("entries",)
    class Entry(_message.Message):
        __slots__ = ("search", "replace", "case_sensitive")
        SEARCH_FIELD_NUMBER: _ClassVar[int]
        REPLACE_FIELD_NUMBER: _ClassVar[int]
        CASE_SENSITIVE_FIELD_NUMBER: _ClassVar[int]
        search: str
        replace: str
        case_sensitive: bool
        def __init__(self, search: _Optional[str] = ..., replace: _Optional[str] = ..., case_sensitive: _Optional[bool] = ...) -> None: ...
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[TranscriptNormalization.Entry]
    def __init__(self, entries: _Optional[_Iterable[_Union[TranscriptNormalization.Entry, _Mapping]]] = ...) -> None: ...

class TranslationConfig(_message.Message):
    __slots__ = ("target_language",)
    TARGET_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    target_language: str
    def __init__(self, target_language: _Optional[str] = ...) -> None: ...

class DenoiserConfig(_message.Message):
    __slots__ = ("denoise_audio", "snr_threshold")
    DENOISE_AUDIO_FIELD_NUMBER: _ClassVar[int]
    SNR_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    denoise_audio: bool
    snr_threshold: float
    def __init__(self, denoise_audio: _Optional[bool] = ..., snr_threshold: _Optional[float] = ...) -> None: ...

class SpeechRecognitionAlternative(_message.Message):
    __slots__ = ("transcript", "confidence", "words")
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    transcript: str
    confidence: float
    words: _containers.RepeatedCompositeFieldContainer[WordInfo]
    def __init__(self, transcript: _Optional[str] = ..., confidence: _Optional[float] = ..., words: _Optional[_Iterable[_Union[WordInfo, _Mapping]]] = ...) -> None: ...

class StreamingRecognitionFeatures(_message.Message):
    __slots__ = ("enable_voice_activity_events", "interim_results", "voice_activity_timeout", "endpointing_sensitivity")
    class EndpointingSensitivity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ENDPOINTING_SENSITIVITY_UNSPECIFIED: _ClassVar[StreamingRecognitionFeatures.EndpointingSensitivity]
        ENDPOINTING_SENSITIVITY_STANDARD: _ClassVar[StreamingRecognitionFeatures.EndpointingSensitivity]
        ENDPOINTING_SENSITIVITY_SUPERSHORT: _ClassVar[StreamingRecognitionFeatures.EndpointingSensitivity]
        ENDPOINTING_SENSITIVITY_SHORT: _ClassVar[StreamingRecognitionFeatures.EndpointingSensitivity]
    ENDPOINTING_SENSITIVITY_UNSPECIFIED: StreamingRecognitionFeatures.EndpointingSensitivity
    ENDPOINTING_SENSITIVITY_STANDARD: StreamingRecognitionFeatures.EndpointingSensitivity
    ENDPOINTING_SENSITIVITY_SUPERSHORT: StreamingRecognitionFeatures.EndpointingSensitivity
    ENDPOINTING_SENSITIVITY_SHORT: StreamingRecognitionFeatures.EndpointingSensitivity
    class VoiceActivityTimeout(_message.Message):
        __slots__ = ("speech_start_timeout", "speech_end_timeout")
        SPEECH_START_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        SPEECH_END_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        speech_start_timeout: _duration_pb2.Duration
        speech_end_timeout: _duration_pb2.Duration
        def __init__(self, speech_start_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., speech_end_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
    ENABLE_VOICE_ACTIVITY_EVENTS_FIELD_NUMBER: _ClassVar[int]
    INTERIM_RESULTS_FIELD_NUMBER: _ClassVar[int]
    VOICE_ACTIVITY_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTING_SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    enable_voice_activity_events: bool
    interim_results: bool
    voice_activity_timeout: StreamingRecognitionFeatures.VoiceActivityTimeout
    endpointing_sensitivity: StreamingRecognitionFeatures.EndpointingSensitivity
    def __init__(self, enable_voice_activity_events: _Optional[bool] = ..., interim_results: _Optional[bool] = ..., voice_activity_timeout: _Optional[_Union[StreamingRecognitionFeatures.VoiceActivityTimeout, _Mapping]] = ..., endpointing_sensitivity: _Optional[_Union[StreamingRecognitionFeatures.EndpointingSensitivity, str]] = ...) -> None: ...

class SpeakerDiarizationConfig(_message.Message):
    __slots__ = ("min_speaker_count", "max_speaker_count")
    MIN_SPEAKER_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_SPEAKER_COUNT_FIELD_NUMBER: _ClassVar[int]
    min_speaker_count: int
    max_speaker_count: int
    def __init__(self, min_speaker_count: _Optional[int] = ..., max_speaker_count: _Optional[int] = ...) -> None: ...

class CustomPromptConfig(_message.Message):
    __slots__ = ("custom_prompt",)
    CUSTOM_PROMPT_FIELD_NUMBER: _ClassVar[int]
    custom_prompt: str
    def __init__(self, custom_prompt: _Optional[str] = ...) -> None: ...

class CustomClass(_message.Message):
    __slots__ = ("name", "uid", "display_name", "items", "state", "create_time", "update_time", "delete_time", "expire_time", "annotations", "etag", "reconciling", "kms_key_name", "kms_key_version_name")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[CustomClass.State]
        STATE_ACTIVE: _ClassVar[CustomClass.State]
        STATE_DELETED: _ClassVar[CustomClass.State]
    STATE_UNSPECIFIED: CustomClass.State
    STATE_ACTIVE: CustomClass.State
    STATE_DELETED: CustomClass.State
    class ClassItem(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: str
        def __init__(self, value: _Optional[str] = ...) -> None: ...
    class AnnotationsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELETE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    RECONCILING_FIELD_NUMBER: _ClassVar[int]
    KMS_KEY_NAME_FIELD_NUMBER: _ClassVar[int]
    KMS_KEY_VERSION_NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    display_name: str
    items: _containers.RepeatedCompositeFieldContainer[CustomClass.ClassItem]
    state: CustomClass.State
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    delete_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    annotations: _containers.ScalarMap[str, str]
    etag: str
    reconciling: bool
    kms_key_name: str
    kms_key_version_name: str
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., display_name: _Optional[str] = ..., items: _Optional[_Iterable[_Union[CustomClass.ClassItem, _Mapping]]] = ..., state: _Optional[_Union[CustomClass.State, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., annotations: _Optional[_Mapping[str, str]] = ..., etag: _Optional[str] = ..., reconciling: _Optional[bool] = ..., kms_key_name: _Optional[str] = ..., kms_key_version_name: _Optional[str] = ...) -> None: ...

class PhraseSet(_message.Message):
    __slots__ = ("name", "uid", "phrases", "boost", "display_name", "state", "create_time", "update_time", "delete_time", "expire_time", "annotations", "etag", "reconciling", "kms_key_name", "kms_key_version_name")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[PhraseSet.State]
        STATE_ACTIVE: _ClassVar[PhraseSet.State]
        STATE_DELETED: _ClassVar[PhraseSet.State]
    STATE_UNSPECIFIED: PhraseSet.State
    STATE_ACTIVE: PhraseSet.State
    STATE_DELETED: PhraseSet.State
    class Phrase(_message.Message):
        __slots__ = ("value", "boost")
        VALUE_FIELD_NUMBER: _ClassVar[int]
        BOOST_FIELD_NUMBER: _ClassVar[int]
        value: str
        boost: float
        def __init__(self, value: _Optional[str] = ..., boost: _Optional[float] = ...) -> None: ...
    class AnnotationsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    PHRASES_FIELD_NUMBER: _ClassVar[int]
    BOOST_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELETE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    RECONCILING_FIELD_NUMBER: _ClassVar[int]
    KMS_KEY_NAME_FIELD_NUMBER: _ClassVar[int]
    KMS_KEY_VERSION_NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    phrases: _containers.RepeatedCompositeFieldContainer[PhraseSet.Phrase]
    boost: float
    display_name: str
    state: PhraseSet.State
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    delete_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    annotations: _containers.ScalarMap[str, str]
    etag: str
    reconciling: bool
    kms_key_name: str
    kms_key_version_name: str
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., phrases: _Optional[_Iterable[_Union[PhraseSet.Phrase, _Mapping]]] = ..., boost: _Optional[float] = ..., display_name: _Optional[str] = ..., state: _Optional[_Union[PhraseSet.State, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., annotations: _Optional[_Mapping[str, str]] = ..., etag: _Optional[str] = ..., reconciling: _Optional[bool] = ..., kms_key_name: _Optional[str] = ..., kms_key_version_name: _Optional[str] = ...) -> None: ...

class WordInfo(_message.Message):
    __slots__ = ("start_offset", "end_offset", "word", "confidence", "speaker_label")
    START_OFFSET_FIELD_NUMBER: _ClassVar[int]
    END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_LABEL_FIELD_NUMBER: _ClassVar[int]
    start_offset: _duration_pb2.Duration
    end_offset: _duration_pb2.Duration
    word: str
    confidence: float
    speaker_label: str
    def __init__(self, start_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., end_offset: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., word: _Optional[str] = ..., confidence: _Optional[float] = ..., speaker_label: _Optional[str] = ...) -> None: ...
