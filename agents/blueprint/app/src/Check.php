<?php

declare(strict_types=1);

namespace App;

use DateTimeImmutable;
use DateTimeZone;

/** What each type takes. Answers the value in the form in which it is kept, or what is wrong with it. */
final class Check
{
    private const MAX_CHARACTERS = 255;
    private const MAX_BYTES = 65535;
    private const DECIMAL = '/^-?[0-9]{1,12}(?:\.[0-9]{1,4})?$/D';
    private const DATE = '/^([0-9]{4})-([0-9]{2})-([0-9]{2})$/D';
    private const DATETIME = '/^([0-9]{4}-[0-9]{2}-[0-9]{2})T((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.0+)?(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$/D';
    private const URL = '~^https?://(?:[^\s/?#@<>"\\\\^`{}|]*@)?(?:\[[0-9a-f:.]+\]|[\pL\pN\pM_-]+(?:\.[\pL\pN\pM_-]+)*\.?)(?::[0-9]{1,5})?(?:[/?#][^\s\pC<>"\\\\^`{}|]*)?$~Diu';

    public function __construct(private readonly Messages $messages)
    {
    }

    public function value(Field $field, mixed $value): string|int|bool|Problem
    {
        return match ($field->type) {
            FieldType::String => $this->text($value, self::MAX_CHARACTERS),
            FieldType::Text => $this->longText($value),
            FieldType::Int => is_int($value) ? $value : $this->problem('not_an_integer'),
            FieldType::Decimal => $this->decimal($value),
            FieldType::Bool => is_bool($value) ? $value : $this->problem('not_a_boolean'),
            FieldType::Date => $this->date($value) ? $value : $this->problem('not_a_date'),
            FieldType::Datetime => $this->datetime($value),
            FieldType::Email => $this->email($value),
            FieldType::Url => $this->url($value),
            FieldType::Enum => in_array($value, $field->words, true) ? $value : $this->problem('not_a_word', implode(', ', $field->words)),
            FieldType::Ref => is_int($value) && $value > 0 ? $value : $this->problem('not_an_id'),
        };
    }

    private function text(mixed $value, int $max): string|Problem
    {
        return match (true) {
            !is_string($value) => $this->problem('not_text'),
            !mb_check_encoding($value, 'UTF-8') => $this->problem('not_text'),
            mb_strlen($value, 'UTF-8') > $max => $this->problem('too_long', $max),
            default => $value,
        };
    }

    private function longText(mixed $value): string|Problem
    {
        $text = $this->text($value, self::MAX_BYTES);

        return is_string($text) && strlen($text) > self::MAX_BYTES ? $this->problem('too_many_bytes', self::MAX_BYTES) : $text;
    }

    private function decimal(mixed $value): string|Problem
    {
        return is_string($value) && preg_match(self::DECIMAL, $value) === 1 ? $value : $this->problem('not_a_decimal');
    }

    private function date(mixed $value): bool
    {
        return is_string($value)
            && preg_match(self::DATE, $value, $part) === 1
            && checkdate((int) $part[2], (int) $part[3], (int) $part[1]);
    }

    private function datetime(mixed $value): string|Problem
    {
        if (!is_string($value) || preg_match(self::DATETIME, strtoupper($value), $part) !== 1 || !$this->date($part[1])) {
            return $this->problem('not_a_datetime');
        }
        $moment = (new DateTimeImmutable("$part[1]T$part[2]$part[3]"))->setTimezone(new DateTimeZone('UTC'));
        $year = (int) $moment->format('Y');

        return $year >= 1 && $year <= 9999 ? $moment->format('Y-m-d\TH:i:s\Z') : $this->problem('not_a_datetime');
    }

    private function email(mixed $value): string|Problem
    {
        $text = $this->text($value, self::MAX_CHARACTERS);
        $valid = is_string($text) && filter_var($text, FILTER_VALIDATE_EMAIL, FILTER_FLAG_EMAIL_UNICODE) !== false;

        return $valid ? $text : $this->problem('not_an_email');
    }

    private function url(mixed $value): string|Problem
    {
        $text = $this->longText($value);

        return is_string($text) && preg_match(self::URL, $text) === 1 ? $text : $this->problem('not_a_url');
    }

    private function problem(string $key, string|int ...$values): Problem
    {
        return new Problem($this->messages->get($key, ...$values));
    }
}
