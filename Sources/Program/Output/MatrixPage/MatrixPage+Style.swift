extension MatrixPage {
    /// The page's style, with the system's fonts.
    static let style = [colors, textStyle, matrixStyle, planStyle].joined(separator: "\n")

    /// For light and dark; every text has a contrast of 4.5 and more, under the crosshair too.
    private static let colors = """
        :root {
          color-scheme: light dark;
          --back: #ffffff; --text: #1c2024; --faint: #505963; --line: #ccd2d8; --head: #f1f3f5;
          --mark: #0b57b0; --cross: #0b57b026;
          --yes: #b8e6c5; --yes-text: #0a3f1e; --policy: #fbeab0; --policy-text: #4f3a00;
          --no: #fbe9e7; --no-text: #8a1a10;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --back: #15181b; --text: #e4e7ea; --faint: #aab3bc; --line: #3a4148; --head: #20252a;
            --mark: #8ab8f5; --cross: #8ab8f52b;
            --yes: #17603a; --yes-text: #d3f7df; --policy: #564709; --policy-text: #fae7a3;
            --no: #341d1d; --no-text: #ffb3a9;
          }
        }
        """

    private static let textStyle = """
        * { box-sizing: border-box; }
        body {
          margin: 0; padding: 1rem; background: var(--back); color: var(--text);
          font: 0.875rem/1.45 system-ui, sans-serif;
        }
        header { overflow-wrap: anywhere; }
        h1 { margin: 0 0 0.25rem; font-size: 1.4rem; }
        h2 { margin: 1.75rem 0 0.5rem; font-size: 1.15rem; }
        h3 { margin: 0; font-size: 1rem; }
        h4 { margin: 0.75rem 0 0; font-size: 0.9rem; }
        h5 { margin: 0.75rem 0 0; font-size: 0.875rem; }
        p, ul, dl { margin: 0.25rem 0; }
        ul { padding-left: 1.25rem; }
        small { color: var(--faint); font-size: 0.75rem; font-weight: normal; }
        a { color: var(--mark); }
        a:focus-visible, summary:focus-visible, .scroll:focus-visible {
          outline: 2px solid var(--mark); outline-offset: -2px;
        }
        code, section tbody th, section td:nth-child(-n + 3) {
          font: 0.75rem/1.45 ui-monospace, Menlo, Consolas, monospace;
        }
        """

    /// The head of the page, and the table: the first row and column stay, names give way to cells.
    private static let matrixStyle = """
        .counts, .legend { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; }
        .counts { margin: 0.75rem 0; gap: 0.5rem; }
        .counts div { padding: 0.25rem 0.75rem 0.4rem; border-radius: 4px; }
        .counts dd { margin: 0; font-size: 1.25rem; font-weight: 600; }
        .counts small { color: inherit; }
        .legend div { display: flex; gap: 0.4rem; align-items: baseline; }
        .legend dt {
          padding: 0 0.35rem; border-radius: 2px; font-size: 0.75rem; white-space: nowrap;
        }
        .legend dd { margin: 0; }
        dt.y, div.y, td.y { background: var(--yes); color: var(--yes-text); }
        dt.p, div.p, td.p { background: var(--policy); color: var(--policy-text); }
        dt.n, div.n, td.n { background: var(--no); color: var(--no-text); }
        .skip a { position: absolute; left: -100vw; }
        .skip a:focus { position: static; }
        .scroll {
          max-width: max-content; max-height: calc(100vh - 2rem); overflow: auto;
          border: 1px solid var(--line);
        }
        .scroll > div { width: max-content; overflow: clip; }
        .matrix { border-spacing: 0; font-size: 0.75rem; line-height: 1.3; }
        .matrix caption {
          position: relative; z-index: 2; padding: 0.25rem 0.5rem; background: var(--back);
          text-align: left;
        }
        .matrix caption span {
          display: inline-block; position: sticky; left: 0.5rem; max-width: calc(100vw - 4rem);
        }
        .matrix th, .matrix td {
          padding: 0; border: solid var(--line); border-width: 0 1px 1px 0; font-weight: normal;
        }
        .matrix th {
          position: sticky; left: 0; z-index: 1; background: var(--head); text-align: left;
        }
        .matrix thead th { top: 0; left: auto; z-index: 2; vertical-align: bottom; }
        .matrix thead th:first-child { left: 0; z-index: 3; padding: 0.25rem 0.4rem; }
        .matrix th div {
          display: flex; gap: 0.4rem; padding: 0.1rem 0.4rem; max-width: min(22rem, 40vw);
        }
        .matrix thead th div {
          max-width: none; max-height: 12rem; margin: 0 auto; padding: 0.4rem 0 0.2rem;
          writing-mode: vertical-rl; transform: rotate(180deg); align-items: center;
        }
        .matrix th i, .matrix th span {
          overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-style: normal;
        }
        .matrix th i {
          flex: 0 1000 auto; min-width: 1rem; margin-right: -0.4rem; color: var(--faint);
        }
        .matrix th small { margin-inline-start: auto; }
        .matrix thead small { display: block; text-align: center; }
        .matrix td { position: relative; scroll-margin: 14rem 3rem 3rem min(24rem, 45vw); }
        .matrix td a {
          display: block; padding: 0.1rem 0.35rem; color: inherit; text-align: center;
          text-decoration: none; white-space: nowrap;
        }
        .matrix td a:hover { text-decoration: underline; }
        .matrix td:target { outline: 3px solid var(--mark); outline-offset: -3px; }
        .matrix td:hover::before, .matrix td:hover::after {
          position: absolute; inset: -100vh 0 0; background: var(--cross); content: "";
          pointer-events: none;
        }
        .matrix td:hover::before { inset: 0 100% 0 -100vw; }
        .matrix tbody tr:hover th { box-shadow: inset 0 0 0 100vmax var(--cross); }
        """

    /// The plans; what is not in sight is not laid out, for there can be thousands.
    private static let planStyle = """
        table:not(.matrix) { border-collapse: collapse; }
        table:not(.matrix) :is(th, td) {
          padding: 0.15rem 0.5rem; border: 1px solid var(--line); text-align: left;
          vertical-align: top; font-weight: normal;
        }
        table:not(.matrix) thead th { background: var(--head); }
        section td:nth-child(4) { white-space: nowrap; }
        section td:nth-child(5) { min-width: 16rem; }
        .obstacles caption { padding-bottom: 0.25rem; color: var(--faint); text-align: left; }
        .obstacles td { text-align: right !important; }
        section {
          margin: 0.75rem 0; padding: 0.5rem 0.75rem; border: solid var(--line);
          border-width: 1px 1px 1px 6px;
          content-visibility: auto; contain-intrinsic-size: auto 24rem;
        }
        section.y { border-left-color: var(--yes-text); }
        section.p { border-left-color: var(--policy-text); }
        section.n { border-left-color: var(--no-text); }
        section:target, details:target { outline: 3px solid var(--mark); }
        .moves { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: 0; list-style: none; }
        .moves li { min-width: 0; overflow-wrap: anywhere; }
        summary { cursor: pointer; }
        details > div { overflow-x: auto; margin: 0.25rem 0 0.5rem; }
        @media print {
          .scroll { max-height: none; overflow: visible; }
        }
        """
}
