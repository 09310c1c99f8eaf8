<?php

declare(strict_types=1);

namespace App;

/** The page at `/`: what there is. */
final class HomePage
{
    public function __construct(private readonly Schema $schema, private readonly Html $html)
    {
    }

    public function answer(Request $request): Response
    {
        if (!in_array($request->method, ['GET', 'HEAD'], true)) {
            throw HttpError::method($this->html->messages, 'GET, HEAD');
        }

        return $this->html->page(200, 'home', ['title' => $this->html->messages->get('home'), 'names' => $this->schema->names]);
    }
}
