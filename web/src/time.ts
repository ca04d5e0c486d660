// time.ts — which picture is drawn: the program of now as frames tell it, or, where the reader wants another moment or a
// span, the same made of its history. Everything that is drawn in an animation frame is of this one picture.
import type { History } from './history';
import { Past } from './past';
import type { ProgramModel, Store } from './store';
import { Timeline, type When } from './timeline';

const SILENCE_MS = 1000; // without a frame for so long, nothing is known of what happens

export interface Picture {
  readonly model: ProgramModel;
  readonly now: number; // clock of the model's heat
  readonly tick: number; // the program's clock
  readonly anew: boolean; // nothing of the last picture is of use
  readonly turned: boolean; // threads are others than in the last picture
}

export class Time {
  readonly timeline = new Timeline();
  private past: Past | null = null;
  private drawn: ProgramModel | null = null;
  private threads: ProgramModel['threads'] = [];

  constructor(private readonly store: Store) {}

  /** The history of the program that is followed, null before there is any. */
  get history(): History | null {
    const { history, model } = this.store;
    return history === null || history.empty || history.program !== model?.id ? null : history;
  }

  /** Does the history grow with what comes in? Else it is a recording's. */
  get follows(): boolean {
    return this.store.keepsHistory;
  }

  /** Is the picture another than the newest of a program that runs? */
  get frozen(): boolean {
    return !this.timeline.live;
  }

  /** What was drawn last. */
  get model(): ProgramModel | null {
    const { model } = this.store;
    return model !== null && this.past !== null && this.past.model.id === model.id ? this.past.model : model;
  }

  /** `clock` is that of what comes in; `live`: the program runs, so that its own clock runs on between frames. */
  picture(live: boolean, file: number, clock: number, wall: number): Picture | null {
    const { model } = this.store;
    if (model === null) return null;
    // When hrview says nothing the program is neither idle nor stuck for that.
    const now = Math.min(clock, model.heardAt + SILENCE_MS);
    const { history } = this;
    if (history !== null) {
      this.timeline.advance(history, wall, live);
      history.pins = pinsOf(this.timeline.place);
    }
    const newest = model.tick + (live ? now - model.heardAt : 0);
    if (history === null || !this.timeline.past) {
      this.past = null;
      return this.draw(model, now, newest, false);
    }
    const at = this.timeline.tick(history);
    const anew = this.past?.isOf(history, model, this.timeline.place.from) !== true;
    if (anew) this.past = new Past(history, model, this.timeline.place.from);
    const past = this.past as Past;
    const over = past.show(file, at);
    const tick = this.timeline.live ? Math.max(at, newest) : at;
    return this.draw(past.model, tick, tick, over);
  }

  private draw(model: ProgramModel, now: number, tick: number, over: boolean): Picture {
    const anew = over || model !== this.drawn;
    const turned = model.threads !== this.threads;
    this.drawn = model;
    this.threads = model.threads;
    return { model, now, tick, anew, turned };
  }
}

function pinsOf({ from, until, marks }: When): number[] {
  return [...marks, ...[from, until].filter((tick) => tick !== null)];
}
