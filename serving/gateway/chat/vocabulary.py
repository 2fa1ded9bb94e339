"""The vocabulary of the protocols, which is not text of people or models: field names, and the fixed values of some fields."""

from typing import Final

_ENUM_FIELDS = """
    role type detail format finish_reason tool_choice modalities encoding_format effort reasoning_effort verbosity
    mode syntax object status service_tier truncation media_type stop_reason reason include
"""
_ENUM_VALUES = """
    system developer user assistant tool function text image_url input_audio audio file refusal content json_object
    json_schema object string number integer boolean array null auto none required low medium high minimal default
    flex priority standard wav mp3 flac opus pcm16 stop length tool_calls function_call content_filter float base64
    custom grammar lark regex url_citation chat.completion chat.completion.chunk list embedding reasoning.text
    reasoning.summary reasoning.encrypted date-time date time uuid uri email any tool_use tool_result thinking
    redacted_thinking document search_result base64 url ephemeral enabled disabled adaptive xhigh max message
    end_turn max_tokens stop_sequence refusal pause_turn model_context_window_exceeded custom text/plain
    application/pdf image/png image/jpeg image/gif image/webp response input_text output_text input_image
    input_file reasoning reasoning_text summary_text function_call_output custom_tool_call custom_tool_call_output
    item_reference in_progress completed incomplete failed max_output_tokens allowed_tools
    reasoning.encrypted_content message.output_text.logprobs openai-responses-v1
"""
_FIELD_NAMES = """
    role content name type text image_url url detail input_audio data format file file_data file_id filename
    tool_calls tool_call_id id function arguments parameters description strict properties required items enum anyOf
    oneOf allOf $ref $defs definitions additionalProperties title default const pattern minimum maximum minItems
    maxItems minLength maxLength json_schema schema tools tool_choice functions function_call refusal audio transcript
    metadata messages stream stream_options include_usage temperature top_p n stop max_tokens max_completion_tokens
    presence_penalty frequency_penalty logit_bias seed logprobs top_logprobs response_format prediction
    parallel_tool_calls reasoning reasoning_content reasoning_details reasoning_effort store modalities service_tier
    input encoding_format dimensions index custom grammar definition syntax cache_control annotations url_citation
    summary token bytes logprob effort verbosity message delta finish_reason system thinking signature source
    media_type input_schema tool_use_id is_error stop_sequences top_k output_config budget_tokens user_id context
    citations enabled disable_parallel_tool_use stop_reason instructions output call_id file_url max_output_tokens
    incomplete_details reason include encrypted_content safety_identifier previous_response_id start_index
    end_index error code background truncation
"""

ENUM_FIELDS: Final = frozenset(_ENUM_FIELDS.split())
"""Fields whose values are in `ENUM_VALUES`; any other value is a text."""
ENUM_VALUES: Final = frozenset(_ENUM_VALUES.split())
"""Values that the protocols define."""
FIELD_NAMES: Final = frozenset(_FIELD_NAMES.split())
"""Names of the fields of requests and responses."""
