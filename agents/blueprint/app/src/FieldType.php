<?php

declare(strict_types=1);

namespace App;

/** What a field holds. */
enum FieldType
{
    case String;
    case Text;
    case Int;
    case Decimal;
    case Bool;
    case Date;
    case Datetime;
    case Email;
    case Url;
    case Enum;
    case Ref;

    /** Free text: searched by `q`, compared byte by byte. */
    public function isText(): bool
    {
        return match ($this) {
            self::String, self::Text, self::Email, self::Url => true,
            default => false,
        };
    }
}
